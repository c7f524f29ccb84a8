"""What the page of a run shows, as types: everything is words already, so that a template only repeats and leaves out."""

from __future__ import annotations

import msgspec

from shared.core.since_approval import Changes
from shared.core.word_diff import Piece
from shared.pages.shapes import Chart, Table
from shared.views.moments import When
from shared.views.offers import Offers, Said
from shared.views.statuses import Badge, Tone


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts of the page."""


class Fact(_Shown, frozen=True, kw_only=True):
    """Something that is known of the run.

    Attributes:
        what: its name.
        said: what it is.
        more: where that comes from, or what it means; may be empty.
        link: path of what it names; may be empty.
    """

    what: str
    said: str
    more: str = ""
    link: str = ""


class Pages(_Shown, frozen=True, kw_only=True):
    """Which part of a list is shown.

    Attributes:
        said: such as `1 to 100 of 1,000`; empty if all is shown.
        before: query of the part before; empty: there is none.
        after: query of the part after it; empty: there is none.
    """

    said: str = ""
    before: str = ""
    after: str = ""


class Ask(_Shown, frozen=True, kw_only=True):
    """What an approver reads in five minutes: the first screen.

    Attributes:
        what: what is asked, as a question.
        sure: how sure that is, the verdict first.
        tone: of the verdict.
        verdict: it in a word or two; empty at the spend gate.
        cost_now: what the decision itself costs.
        cost_month: what follows every month.
        nothing: what happens if nobody does anything.
        by: until when.
        undo: how it is undone.
        outlook: at the spend gate, what the comparison will be able to show, and what Azure said.
        before: at the deployment gate, what speaks against trusting the verdict, in sentences.
    """

    what: str
    sure: tuple[str, ...]
    tone: Tone
    verdict: str
    cost_now: str
    cost_month: str
    nothing: str
    by: When
    undo: str
    outlook: tuple[str, ...]
    before: tuple[str, ...]


class Decided(_Shown, frozen=True, kw_only=True):
    """A gate that is over.

    Attributes:
        gate: `spend` or `deployment`.
        outcome: what came of it, in a sentence.
        facts: exactly what was decided on, its digest first; of what was replaced since, the digest alone.
        note: why it counts no more, or is not shown whole; may be empty.
        said: who said what, oldest first.
    """

    gate: str
    outcome: str
    facts: tuple[Fact, ...]
    note: str
    said: tuple[Said, ...]


class Stands(_Shown, frozen=True, kw_only=True):
    """Where it stands.

    Attributes:
        now: what goes on.
        then: what comes next.
        why: why it waits or ended; may be empty.
        link: address of the run that it names; empty: none.
        files: artifacts that it names, each with its path.
        left: which deployments of a failed run are still there, in sentences.
        by: until when; None if it does not wait.
        by_then: what happens then.
    """

    now: str
    then: str
    why: str
    link: str
    files: tuple[Fact, ...]
    left: tuple[str, ...]
    by: When | None
    by_then: str


class EventLine(_Shown, frozen=True, kw_only=True):
    """A line of the timeline.

    Attributes:
        number: of the line in the history.
        at: when.
        kind: such as `status` or `decision`.
        what: what happened, in short.
        detail: the rest.
        words: what somebody said with it.
    """

    number: int
    at: When
    kind: str
    what: str
    detail: str
    words: str


class FindingLine(_Shown, frozen=True, kw_only=True):
    """A finding.

    Attributes:
        code: of the rule.
        severity: `error`, `warning` or `note`.
        tone: of that.
        place: file and line.
        path: in the row; may be empty.
        message: what was found.
        remedy: what to do; empty where a line before says it of the same rule.
        excerpt: of the row, for those who may see rows; else empty.
    """

    code: str
    severity: str
    tone: Tone
    place: str
    path: str
    message: str
    remedy: str
    excerpt: str


class Findings(_Shown, frozen=True, kw_only=True):
    """What validation found.

    Attributes:
        said: how much there is, in numbers.
        lines: a part of it, errors first.
        pages: which part.
        hidden: which role shows excerpts; empty for those who see them.
        notes: about the pipeline file.
    """

    said: str
    lines: tuple[FindingLine, ...]
    pages: Pages
    hidden: str
    notes: tuple[str, ...]


class Training(_Shown, frozen=True, kw_only=True):
    """How it was trained.

    Attributes:
        chart: the learning curves.
        told: where validation was best, and whether it got worse after that.
        overfits: whether it did.
        checkpoints: the models that were kept on the way.
    """

    chart: Chart
    told: str
    overfits: bool
    checkpoints: Table | None


class MeasureLine(_Shown, frozen=True, kw_only=True):
    """A line of the table that people read first: base against tuned."""

    name: str
    baseline: str
    candidate: str
    difference: str


class Long(_Shown, frozen=True, kw_only=True):
    """A text of which only the beginning is shown at once.

    Attributes:
        whole: all of it, at most 4,000 characters; empty where the page has no room for it.
        link: query of the page that has; empty: it is here.
    """

    whole: str
    link: str


class Side(_Shown, frozen=True, kw_only=True):
    """An answer to an item, and what the other answer lacks; `long` opens the rest."""

    pieces: tuple[Piece, ...]
    long: Long | None
    score: str
    note: str


class Item(_Shown, frozen=True, kw_only=True):
    """An item with both answers.

    Attributes:
        number: its place among the held-out examples.
        difference: score of the candidate less that of the baseline.
        tone: of that.
        about: group, slices, whether it has to be passed.
        prompt: what was asked; its beginning, if there is a `prompt_long`.
        prompt_long: all of it.
        reference: what the dataset answers; likewise.
        reference_long: all of it.
        baseline: what the baseline answered.
        candidate: what the candidate answered.
    """

    number: int
    difference: str
    tone: Tone
    about: str
    prompt: str
    prompt_long: Long | None
    reference: str
    reference_long: Long | None
    baseline: Side
    candidate: Side


class Items(_Shown, frozen=True, kw_only=True):
    """Items of one contest, the worst lost first.

    Attributes:
        against: name of the baseline.
        said: how many were lost, won, equal.
        lines: a part of them.
        pages: which part.
        csv: path of all of them as a table.
    """

    against: str
    said: str
    lines: tuple[Item, ...]
    pages: Pages
    csv: str


class Evaluation(_Shown, frozen=True, kw_only=True):
    """What was measured, in the order in which it is read.

    Attributes:
        verdict: in words.
        tone: of it.
        reason: it as a sentence with its numbers.
        facts: n and groups, missing by side, look, power.
        doubts: what keeps `automatic` from deploying without a person, and what was not measured.
        measures: base against tuned, each with its interval.
        base: name of the baseline of these.
        severe: groups that lose 0.5 or more.
        severe_said: how many there are, and how many there may be.
        slices: those that may decide first, and of these the worst.
        plots: the differences of each contest.
        items: with both answers; None for those who may not see rows, and where there are none.
        hidden: which role shows items; empty for those who see them.
        again: that it was judged again; empty if it was not.
        older: that an older release compared, so that only its numbers are shown; empty if not.
    """

    verdict: str
    tone: Tone
    reason: str
    facts: tuple[Fact, ...]
    doubts: tuple[str, ...]
    measures: tuple[MeasureLine, ...]
    base: str
    severe: Table | None
    severe_said: str
    slices: Table | None
    plots: tuple[Chart, ...]
    items: Items | None
    hidden: str
    again: str
    older: str


class Since(_Shown, frozen=True, kw_only=True):
    """What changed since the last approval.

    Attributes:
        run_id: of the pipeline's last promoted run; empty: there is none.
        said: which run that is and since when, or that there is none.
        changes: what differs; None without one.
        figures: of both runs: name, this one, that one.
    """

    run_id: str
    said: str
    changes: Changes | None
    figures: tuple[tuple[str, str, str], ...]


class Next(_Shown, frozen=True, kw_only=True):
    """What to do about a run that was not promoted: what to try, what would settle it, why nobody promotes it by hand."""

    to_try: str
    settles: str
    nobody: str


class Command(_Shown, frozen=True, kw_only=True):
    """Something to copy, and what it is for."""

    what: str
    text: str


class RunPage(_Shown, frozen=True, kw_only=True):
    """The page of one run.

    Attributes:
        id: of the run.
        pipeline: name of its pipeline.
        dataset: name of the training blob.
        as_of: when it was like this.
        for_whom: who asked for it.
        status: of the run.
        since: since when it has that.
        created: when the dataset was recorded.
        stands: where it stands.
        ask: what an approver reads first; None: nobody is asked.
        offers: what the reader may do; in a saved file nothing.
        warnings: what was done otherwise than asked; what of the evidence was changed.
        next: what to try after it was not promoted; None otherwise.
        evaluation: None before there is one.
        since_last: what changed since the last approval; None where there is nothing to compare yet.
        training: None before there are curves.
        findings: None before validation.
        cost: what it costs.
        facts: what it is about: dataset, job, model, deployments.
        subject: the exact thing to approve; empty where nothing is asked.
        decided: what was decided before, with its digest and who said what.
        timeline: newest first.
        events: which part of it.
        files: the evidence that the reader may have, each with its path.
        refused: names of those that the role does not show.
        job_link: address of the job in Foundry's portal; empty: not known.
        commands: log query, job.
        runbook: where the documentation says more; what the app has a page of, with its address.
        data_role: the app role that shows rows.
    """

    id: str
    pipeline: str
    dataset: str
    as_of: When
    for_whom: str
    status: Badge
    since: When
    created: When
    stands: Stands
    ask: Ask | None
    offers: Offers
    warnings: tuple[str, ...]
    next: Next | None
    evaluation: Evaluation | None
    since_last: Since | None
    training: Training | None
    findings: Findings | None
    cost: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    subject: tuple[Fact, ...]
    decided: tuple[Decided, ...]
    timeline: tuple[EventLine, ...]
    events: Pages
    files: tuple[Fact, ...]
    refused: tuple[str, ...]
    job_link: str
    commands: tuple[Command, ...]
    runbook: tuple[Fact, ...]
    data_role: str

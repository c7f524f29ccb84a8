"""What is wrong now, as far as the app knows: each with since when, why, and what to do.  Pure: everything was read before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import msgspec

from shared.core.observations import Champion
from shared.core.portal import Portal
from shared.core.run import Run
from shared.core.status import ALERTS_S, CANCELLABLE, DEADLINES_S, FINISHED, GATES, Status
from shared.ports import ActiveRun, PoisonMessage, RunSummary, Ticks
from shared.views.moments import When, away, duration, when
from shared.views.offers import in_buttons
from shared.views.statuses import Tone, brief, brief_words

#: So long after its last tick the timer counts as silent; it ticks each minute.
_SILENT_S: Final = 300
#: So long after its time a step that nobody took is reported.
_OVERDUE_S: Final = 600
#: So long failed runs are shown: people look once a week.
FAILED_SHOWN: Final = timedelta(days=7)
#: So long messages that failed are shown, unless their run goes on before.
POISON_SHOWN: Final = timedelta(days=1)
_APP: Final = '-n "$(azd env get-value FUNCTION_APP_NAME)" -g "$(azd env get-value AZURE_RESOURCE_GROUP)"'
_LISTING: Final = "az cognitiveservices account deployment list -g {group} -n {account} -o table"
_QUOTA: Final = frozenset({"quota_exhausted", "insufficient_quota"})
#: What every run meets now and then, and gets over by itself: reported if it lasts.
_USUAL: Final = frozenset({"deployment_not_ready", "throttled", "unavailable", "start_window_passed"})
#: Deployments that are there, or are about to be.
_READY: Final = frozenset({"Succeeded", "Accepted", "Creating", "Updating", "Moving"})
_RUNBOOK: Final = "/api/ui/runbook"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The Foundry account, for commands and links.

    Attributes:
        group: its resource group.
        name: its name.
        portal: where its project is in Foundry's portal.
    """

    group: str
    name: str
    portal: Portal


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong.

    Attributes:
        rank: the lower, the worse.
        tone: how it is marked.
        kind: what it is, in two words.
        title: it as a sentence.
        since: since when; None: not known.
        cause: why, as far as it is known.
        do: what to do.
        command: exact command that does it, or shows more; empty: there is none.
        run_id: of the run that it is about; empty: of none.
        job: address of the run's job in Foundry's portal; empty: there is none, or it is not known.
        act: what may be done with that run on its page: `cancel`, `retry`; empty: nothing.
        runbook: address of the heading in the runbook.
    """

    rank: int
    tone: Tone
    kind: str
    title: str
    since: When | None
    cause: str
    do: str
    command: str = ""
    run_id: str = ""
    job: str = ""
    act: str = ""
    runbook: str = f"{_RUNBOOK}#run-stuck"

    @property
    def order(self) -> tuple[int, str]:
        """The worst first, then what has lasted longest."""
        return self.rank, self.since.iso if self.since else ""


def of_champions(
    champions: Mapping[str, Champion], states: Mapping[str, str], account: Account, now: datetime
) -> Iterator[Wrong]:
    """Champions that are not there in Resource Manager, or not ready."""
    for pipeline, champion in sorted(champions.items()):
        state = states.get(champion.deployment)
        if state in _READY:
            continue
        has = "is missing in Resource Manager" if state is None else f"is {state} in Resource Manager"
        yield Wrong(
            rank=0,
            tone="bad",
            kind="champion",
            title=f"The champion of {pipeline} {has}: clients of {champion.deployment} get errors.",
            since=None,
            cause=f"Nobody but the app should write deployments. It was promoted {away(champion.since, now)}.",
            do="Have clients ask the deployment before (the page of the pipeline names it), and find out who changed this one.",
            command=_LISTING.format(group=account.group, account=account.name),
            run_id=champion.run_id,
            runbook=f"{_RUNBOOK}#foreign-deployment",
        )


def of_poller(ticks: Ticks | None, now: datetime) -> Iterator[Wrong]:
    """The timer, if it is silent."""
    if ticks is not None and (now - ticks.last_at).total_seconds() < _SILENT_S:
        return
    silent = f"for {duration((now - ticks.last_at).total_seconds())}" if ticks else "yet, as far as is known"
    yield Wrong(
        rank=1,
        tone="bad",
        kind="timer",
        title=f"The timer has not ticked {silent}: runs stand still.",
        since=when(ticks.last_at, now) if ticks else None,
        cause="The app is stopped, its functions do not load, or storage does not answer. After a new deployment, wait a minute.",
        do="See whether the app runs, and start it; then look for functions in the portal.",
        command=f"az functionapp show {_APP} --query state",
        runbook=f"{_RUNBOOK}#poller-silent",
    )


def of_poison(messages: Iterable[PoisonMessage], rows: Iterable[ActiveRun], now: datetime) -> Iterator[Wrong]:
    """Messages that failed in all their tries, but of runs that went on since, or are at their end."""
    active = {row.run_id: row for row in rows}
    for message in messages:
        row = active.get(message.run_id or "")
        is_over = row is None or (row.status_since is not None and row.status_since > message.at)
        if now - message.at >= POISON_SHOWN or (message.run_id and is_over):
            continue
        about = f"A message about {brief(row.dataset.name)}" if row else "A message that names no run"
        yield Wrong(
            rank=5,
            tone="wait",
            kind="message",
            title=f"{about} failed in all its tries: it is in the poison queue.",
            since=when(message.at, now),
            cause=f"The function for {message.queue} died or failed five times in a row; the log below says why.",
            do="Nothing, while the timer ticks: it takes up every run and every dataset without one. Find out what failed.",
            run_id=message.run_id or "",
            runbook=f"{_RUNBOOK}#poison-messages",
        )


def of_active(rows: Iterable[ActiveRun], account: Account, now: datetime) -> Iterator[Wrong]:
    """Runs that are stuck, in trouble, or left alone."""
    for row in rows:
        found = _announced(row, now) if row.status is None else _stuck(row, row.status, account, now)
        if found:
            yield found


def _announced(row: ActiveRun, now: datetime) -> Wrong | None:
    if (now - row.due_at).total_seconds() < _OVERDUE_S:
        return None
    return Wrong(
        rank=5,
        tone="wait",
        kind="upload",
        title=f"{brief(row.dataset.name)} was announced and is not a run yet.",
        since=when(row.due_at, now),
        cause="The process that accepted it died, and the timer has not taken it up.",
        do="Nothing, while the timer ticks: it does that. Else see to the timer.",
        runbook=f"{_RUNBOOK}#after-a-crash",
    )


def _stuck(row: ActiveRun, status: Status, account: Account, now: datetime) -> Wrong | None:
    since = row.status_since
    age = (now - since).total_seconds() if since else 0.0
    is_late = status in ALERTS_S and age >= ALERTS_S[status]
    is_overdue = status not in FINISHED and (now - row.due_at).total_seconds() >= _OVERDUE_S
    code = (row.trouble or "").partition(":")[0]
    is_usual = row.waits_for_account or (code in _USUAL and age < _OVERDUE_S)
    if not (is_late or is_overdue or (row.trouble and not is_usual)):
        return None
    do, command, runbook = _remedy(code, account)
    words = status.value.replace("_", " ")
    if is_late and since:
        ends_at = since + timedelta(seconds=DEADLINES_S[status])
        over = f"its time was over {away(ends_at, now)}"
        ends = f"it fails {away(ends_at, now)}" if ends_at > now else over
        title = f"{brief(row.dataset.name)} has been {words} for {duration(age)}; {ends}."
    elif row.trouble:
        tried = f", tried {row.failures} times in vain" if row.failures > 1 else ""
        title = f"{brief(row.dataset.name)} is {words} and in trouble{tried}."
    else:
        title = f"{brief(row.dataset.name)} is {words}: its next step was due {away(row.due_at, now)}, and nobody took it."
    return Wrong(
        rank=2 if is_late else 3 if code in _QUOTA else 4,
        tone="bad" if is_late else "wait",
        kind="quota" if code in _QUOTA else "run",
        title=title,
        since=when(since, now) if since else None,
        cause=row.trouble
        or ("What it waits for takes longer than usual." if is_late else "The timer or the queue is behind."),
        do=do,
        command=command,
        run_id=row.run_id,
        job=account.portal.job(row.job_id) if row.job_id else "",
        act="cancel" if status in CANCELLABLE and status not in GATES.values() else "",
        runbook=f"{_RUNBOOK}#{runbook}",
    )


_WAITS: Final = (
    "Nothing at once: the app tries again by itself. If it lasts, look at the status page of the service."
)
_REMEDIES: Final = MappingProxyType(
    {
        "unauthorized": (
            "Give the app the role that the cause names; docs/permissions.md lists all.",
            "azd provision --no-state",
            "run-stuck",
        ),
        "artifact_gone": (
            "Restore the blob that the cause names; the run goes on by itself.",
            "az storage blob undelete --auth-mode login --account-name ACCOUNT --container-name artifacts --name NAME",
            "restore-an-artifact-or-a-pipeline-file",
        ),
    }
)


def _remedy(code: str, account: Account) -> tuple[str, str, str]:
    """What to do about a trouble, a command, and the heading of the runbook."""
    if code in _QUOTA:
        do = "Ask for more quota, or delete deployments that nobody uses. The app tries again by itself."
        return do, _LISTING.format(group=account.group, account=account.name), "run-stuck"
    return _REMEDIES.get(code, (_WAITS, "", "run-stuck"))


def has_failed(row: RunSummary, now: datetime) -> bool:
    """Whether a run failed lately."""
    return row.status is Status.FAILED and now - row.status_since < FAILED_SHOWN


def of_failed(row: RunSummary, run: Run | None, account: Account, now: datetime) -> Wrong:
    """A run that failed; with its row, why."""
    failure = run.failure if run else None
    return Wrong(
        rank=6,
        tone="bad",
        kind="failed",
        title=f"{brief(row.dataset_name)} failed"
        + (f" while {failure.step.replace('_', ' ')}." if failure else "."),
        since=when(row.status_since, now),
        cause=brief_words(f"{failure.code}: {failure.message}")
        if failure
        else "The page of the run says why.",
        do=brief_words(in_buttons(failure.remedy)) if failure else "Open the run.",
        run_id=row.run_id,
        job=account.portal.job(row.job_id) if row.job_id else "",
        act="retry" if failure and failure.can_retry else "",
    )

"""Pipelines, and one of them: what its clients use, what waits, what it spent, how it got there.  At most 12 calls to storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec

from shared.core import naming
from shared.core.errors import NotFound, Refused
from shared.core.masking import mask_secrets
from shared.core.observations import Champion
from shared.core.serving import call_of, example
from shared.core.shown import clipped
from shared.core.status import FINISHED, GATES, Status
from shared.pages import charts
from shared.pages.charts import Measured
from shared.pages.shapes import Chart
from shared.ports import ActiveRun, Quality, RunSummary, World
from shared.views.listed import RunRow, run_row
from shared.views.moments import When, when
from shared.views.statuses import Badge, badge, brief

_HISTORY: Final = 30
#: Of runs that an older release listed without what was measured, so many are read.
_READ_MAX: Final = 4
_MEASURED_IN: Final = frozenset(
    {Status.AWAITING_APPROVAL, Status.DEPLOYED, Status.NOT_PROMOTED, Status.REJECTED, Status.EXPIRED}
)
_EXAM_CHARS: Final = 8
_CHART_NAME_MAX: Final = 80
#: Of the pipeline file, which has a page or two.
_FILE_MAX: Final = 20_000
_GATES_MAX: Final = 20
#: The command line where the local cloud runs: a checkout.
_LOCAL: Final = ".venv/bin/python -m cli"


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of the containers that people write; None on the local cloud, where the command line knows them.

    Attributes:
        datasets: for datasets.
        pipelines: for pipeline files.
    """

    datasets: str | None
    pipelines: str | None


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment that clients use, or used before.

    Attributes:
        deployment: its name.
        model: that it serves.
        run_id: the run that trained it.
        since: when it was promoted.
        example: how clients ask it, as a command.
    """

    deployment: str
    model: str
    run_id: str
    since: When
    example: str


class PipelineLine(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline in the list.

    Attributes:
        name: of the pipeline.
        champion: the deployment in use; None: before the first.
        waiting: how many runs wait for people.
        going: how many runs go on by themselves.
        has_file: whether its file is there.
    """

    name: str
    champion: Use | None
    waiting: int
    going: int
    has_file: bool


class PipelinesPage(msgspec.Struct, frozen=True, kw_only=True):
    """All pipelines, by name.

    Attributes:
        rows: at most 200 with a file, and those that have a champion and no file any more.
        drop: how a pipeline is made, as a command.
        replace: how the file of one that is there is replaced.
    """

    rows: tuple[PipelineLine, ...]
    drop: str
    replace: str


class GateLine(msgspec.Struct, frozen=True, kw_only=True):
    """An open gate of a pipeline."""

    run_id: str
    dataset: str
    status: Badge
    approve_by: When | None


class PipelinePage(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline.

    Attributes:
        name: of the pipeline.
        champion: the deployment in use; None: before the first.
        previous: the one before it.
        gates: runs that wait for people, at most 20.
        runs: the newest ones.
        more: address of all its runs.
        quality: what was measured, run by run; None: nothing was, or not by one release that lists it.
        quality_of: what the picture shows, in a sentence.
        month: the present month, such as `2026-11`.
        spent_usd: committed to training in it.
        jobs: for how many runs.
        file: text of the pipeline file; None: it is not there.
        put: how its file is stored, or replaced, as a command; empty for a name that no pipeline has.
        drop: how a dataset is dropped, as a command.
    """

    name: str
    champion: Use | None
    previous: Use | None
    gates: tuple[GateLine, ...]
    runs: tuple[RunRow, ...]
    more: str
    quality: Chart | None
    quality_of: str
    month: str
    spent_usd: float
    jobs: int
    file: str | None
    put: str
    drop: str


class PipelineViews:
    """Makes the pages of pipelines."""

    def __init__(self, world: World, storage: Storage, endpoint: str = "") -> None:
        self._world = world
        self._storage = storage
        self._endpoint = endpoint

    def listing(self) -> PipelinesPage:
        """All pipelines."""
        now, champions = self._world.clock.now(), self._world.pipelines.champions()
        active, files = self._world.index.active(), self._world.pipeline_files.names()
        # Ended runs are listed, too, until nothing of theirs is left to clear up.
        going = Counter(row.pipeline for row in active if row.status not in FINISHED and not _is_at_gate(row))
        waiting = Counter(row.pipeline for row in active if _is_at_gate(row))
        rows = (
            PipelineLine(
                name=name,
                champion=self._use(champions.get(name), now),
                waiting=waiting[name],
                going=going[name],
                has_file=name in files,
            )
            for name in sorted({*files, *champions})
        )
        account = self._storage.pipelines
        put, replace = _put("NAME", account, is_there=False), _put("NAME", account, is_there=True)
        return PipelinesPage(rows=tuple(rows), drop=put, replace=replace)

    def page(self, name: str) -> PipelinePage:
        """One pipeline.

        Raises:
            NotFound: if there is none of that name.
        """
        known = naming.PIPELINE_NAME.fullmatch(name)
        world, now = self._world, self._world.clock.now()
        champion = world.pipelines.champion(name) if known else None
        file = world.pipeline_files.read(name) if known else None
        newest, _ = world.index.newest(name, _HISTORY, None)
        if champion is None and file is None and not newest:
            msg = f"there is no pipeline {name[:64]}"
            raise NotFound(msg, remedy=f"Store its file as pipelines/{name[:40]}.yaml.")
        month = f"{now:%Y-%m}"
        ledger = world.pipelines.committed(name, month) if known else []
        measured = list(self._measured(newest))
        return PipelinePage(
            name=name,
            champion=self._use(champion, now),
            previous=self._use(world.pipelines.previous(name) if champion else None, now),
            gates=tuple(islice(_gates(name, world.index.active(), now), _GATES_MAX)),
            runs=tuple(run_row(row, now) for row in newest),
            more=f"/api/ui/runs?pipeline={name}" if known else "/api/ui/runs",
            quality=_chart(measured),
            quality_of=_about(measured),
            month=month,
            spent_usd=sum(usd for _, _, usd in ledger),
            jobs=sum(1 for _, _, usd in ledger if usd),
            file=clipped(mask_secrets(file), _FILE_MAX) if file is not None else None,
            put=_put(name, self._storage.pipelines, is_there=file is not None) if known else "",
            drop=_drop(name, self._storage.datasets) if known else "",
        )

    def _use(self, champion: Champion | None, now: datetime) -> Use | None:
        if champion is None:
            return None
        call = call_of(champion.deployment, champion.model, champion.route, self._endpoint)
        return Use(
            deployment=champion.deployment,
            model=champion.model,
            run_id=champion.run_id,
            since=when(champion.since, now),
            example=example(call.url, call.audience, call.model),
        )

    def _measured(self, newest: Iterable[RunSummary]) -> Iterator[tuple[RunSummary, Quality]]:
        """Runs with what was measured of them, newest first; a few that an older release listed are read."""
        read = 0
        for row in newest:
            quality = row.quality
            if quality is None and row.status in _MEASURED_IN and read < _READ_MAX:
                read += 1
                with suppress(NotFound, Refused):
                    quality = Quality.of(self._world.runs.load(row.run_id)[0])
            if quality and quality.score is not None:
                yield row, quality


def _is_at_gate(row: ActiveRun) -> bool:
    return row.status in GATES.values()


def _gates(name: str, rows: Iterable[ActiveRun], now: datetime) -> Iterator[GateLine]:
    for row in rows:
        if row.pipeline == name and row.status and _is_at_gate(row):
            yield GateLine(
                run_id=row.run_id,
                dataset=brief(row.dataset.name),
                status=badge(row.status),
                approve_by=when(row.gate.approve_by, now) if row.gate else None,
            )


def _chart(measured: Sequence[tuple[RunSummary, Quality]]) -> Chart | None:
    """Quality from the oldest run to the newest, broken where exam or grader changed."""
    numbers, before = list[Measured](), ("", "")
    for row, quality in reversed(measured):
        exam = (quality.exam, quality.metric)
        begins = ""
        if numbers and (exam != before or not quality.exam):
            begins = "another exam" if quality.exam != before[0] or not quality.exam else "another grader"
        name = f"{row.created_at:%Y-%m-%d} {brief(row.dataset_name, _CHART_NAME_MAX)}"
        numbers.append(Measured(name=name, value=quality.score or 0.0, begins=begins))
        before = exam
    return charts.intervals("quality", "Score of the candidate, run by run", numbers)


def _about(measured: Sequence[tuple[RunSummary, Quality]]) -> str:
    if not measured:
        return "Nothing was measured yet."
    _, newest = measured[0]
    exam = f"exam {newest.exam[:_EXAM_CHARS]}" if newest.exam else "an exam that is not known"
    same = sum(
        1 for _, one in measured if (one.exam, one.metric) == (newest.exam, newest.metric) and one.exam
    )
    return (
        f"Mean of {newest.metric} over the held-out examples. {max(same, 1)} of {len(measured)} runs have the newest one's exam "
        f"({exam}); scores of different exams say nothing about one another, so the line breaks there."
    )


def _drop(pipeline: str, account: str | None) -> str:
    """How a dataset is dropped, as a command."""
    if account is None:
        return f"{_LOCAL} drop {pipeline} NAME.jsonl --local"
    mark = "--metadata uploaded_by=$(az ad signed-in-user show --query id -o tsv)"
    return f"{_upload('datasets', f'{pipeline}/NAME.jsonl', 'NAME.jsonl', account)} \\\n  {mark}"


def _put(name: str, account: str | None, *, is_there: bool) -> str:
    """How a pipeline file is stored, as a command; one that is there is replaced only by whoever says so."""
    if account is None:
        return f"{_LOCAL} pipelines put {name}.yaml --local{' --overwrite' if is_there else ''}"
    return _upload("pipelines", f"{name}.yaml", f"{name}.yaml", account, is_there=is_there)


def _upload(container: str, blob: str, file: str, account: str, *, is_there: bool = True) -> str:
    where = f"--auth-mode login --account-name {account} -c {container}"
    return f"az storage blob upload {where} \\\n  -n {blob} -f {file}{' --overwrite' if is_there else ''}"

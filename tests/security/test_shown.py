"""Naughty strings and blob names through every output: nothing of them is more than text."""

import csv
import io
import json
import logging
import os
from types import SimpleNamespace
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import azure.functions as func
import msgspec
import pytest
from markdown_it import MarkdownIt

from cli import report as cli_report
from cli.client import Client
from cli.console import Terminal, show_error, show_note
from cli.following import Watched, follow, render
from cli.gate_view import show_gate
from cli.main import call
from cli.run_view import show_run
from cli.sending import Reply
from functions.http import answer, error_answer
from functions.tracing import traced
from shared.core import served
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.repair import Change
from shared.core.dataset.report import to_markdown as report_page
from shared.core.dataset.rulebook import Problem
from shared.core.dataset.rules import RULES
from shared.core.errors import Conflict, NotFound
from shared.core.evaluation.plot import differences_of, to_svg
from shared.core.evaluation.render import to_csv
from shared.core.evaluation.render import to_markdown as comparison_page
from shared.core.pipeline.remarks import Remark
from shared.core.status import Status
from shared.telemetry import names, records
from tests.core.dataset.rows import many, validated
from tests.core.evaluation.exams import PLAIN, answers, compared, items
from tests.functions.populated import Asked, world_with_runs
from tests.support.naughty import BLNS, NAUGHTY, blob_names, raw_in

pytestmark = pytest.mark.slow

HARMLESS = "harmless"
BLOBS = blob_names()
ALL = [*filter(str.strip, NAUGHTY), *BLOBS]
_MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def test_there_are_as_many_as_there_should_be():
    assert (len(BLNS), len(BLOBS)) == (515, 200)


def structure(page):
    """What a page is made of, without its texts."""
    for token in _MARKDOWN.parse(page):
        yield token.type
        yield from (child.type for child in token.children or () if not child.type.startswith("text"))


# --- pages


def report_with(texts):
    """A report of which everything that others wrote is one of the texts."""
    log = FindingLog(limit=len(texts))
    for number, text in enumerate(texts):
        log.add(
            RULES["DS031"],
            Problem(text, f"key {text} is not known", text),
            file=text,
            line=number,
        )
    report = validated(many(20)).report
    (file,) = report.files.values()
    named = msgspec.structs.replace(
        file,
        name=texts[0],
        tools={f"{n}{text}": n for n, text in enumerate(texts[:20])},
        labels={f"{n}{text}": n for n, text in enumerate(texts[:50])},
        tool_rows=1,
    )
    changes = tuple(
        Change(line=n, code="DS031", path=text, what="removed", before=text, after=text)
        for n, text in enumerate(texts[:50])
    )
    counts = {"training": 1, "validation": 1, "evaluation": 1}
    return msgspec.structs.replace(
        report,
        files={"training": named},
        findings=tuple(sorted(log.findings, key=lambda finding: finding.line)),
        totals=log.totals,
        changes={texts[0]: changes},
        change_count=len(texts),
        strata={f"{n}{text}": counts for n, text in enumerate(texts)},
        pipeline_notes=tuple(texts),
        grading=tuple(texts),
    )


@pytest.mark.parametrize("first", range(0, len(ALL), 50))
def test_the_page_about_a_dataset_is_made_of_the_same_things(first):
    texts = ALL[first : first + 50]
    page = report_page(report_with(texts))

    assert raw_in(page) == set()
    assert list(structure(page)) == list(structure(report_page(report_with([HARMLESS] * len(texts)))))


def comparison_with(texts):
    """A comparison of which everything that others wrote is one of the texts."""
    marks = [n % 2 for n in range(len(texts))]
    sides = {"candidate": answers([1] * len(texts)), "baseline-1": answers(marks)}
    made = compared(
        items(len(texts)), sides, by=PLAIN, labels={"candidate": "candidate", "baseline-1": texts[0]}
    )
    rows = tuple(
        msgspec.structs.replace(
            row,
            prompt=text,
            reference=text,
            answers=dict.fromkeys(row.answers, text),
            group=text,
            slices=(text,),
        )
        for row, text in zip(made.rows, texts, strict=True)
    )
    targets = tuple(msgspec.structs.replace(target, deployment=texts[0]) for target in made.targets)
    return msgspec.structs.replace(
        made,
        rows=rows,
        targets=targets,
        reason=texts[0],
        doubts=tuple(texts),
        notes=tuple(texts),
        skipped=tuple(texts),
    )


@pytest.mark.parametrize("first", range(0, len(ALL), 50))
def test_the_page_the_table_and_the_picture_of_a_comparison_hold_texts_only(first):
    texts = ALL[first : first + 50]
    seen, harmless = comparison_with(texts), comparison_with([HARMLESS] * len(texts))
    page, table, picture = comparison_page(seen), to_csv(seen), to_svg(differences_of(seen))

    assert raw_in(page + picture) == set()
    assert list(structure(page)) == list(structure(comparison_page(harmless)))
    assert raw_in(table, keep="\n\t") == set()
    rows = list(csv.reader(io.StringIO(table)))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for row in rows for cell in row)
    tags = [element.tag for element in ET.fromstring(picture).iter()]
    assert tags == [element.tag for element in ET.fromstring(to_svg(differences_of(harmless))).iter()]


# --- the terminal


@pytest.fixture
def terminal(monkeypatch):
    """A terminal wide enough that nothing is folded; what it printed."""
    out = io.StringIO()
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_args, **_options: os.terminal_size((20_000, 50)))
    made = Terminal()
    made.file = out
    made.width = 20_000
    return made, out.getvalue


@pytest.mark.parametrize("first", range(0, len(ALL), 100))
def test_the_command_line_prints_a_report_as_text(first, terminal, capsys):
    texts = ALL[first : first + 100]
    console, printed = terminal
    report = report_with(texts)
    cli_report._show_text(console, report)
    lines = len(printed().splitlines())

    assert raw_in(printed()) == set()
    cli_report._show_text(console, report_with([HARMLESS] * len(texts)))
    assert len(printed().splitlines()) == 2 * lines
    for form in ("json", "markdown"):
        cli_report.show(report_with([text.encode("utf-8", "replace").decode() for text in texts]), form)
        shown = capsys.readouterr().out
        assert raw_in(shown) == set()


def test_errors_and_notes_are_text(capsys):
    for text in ALL:
        show_error(text)
        show_note(text)
    shown = capsys.readouterr()

    assert raw_in(shown.out + shown.err) == set()
    assert "[/bold]" in shown.err
    assert "[link=https://evil.example]here[/link]" in shown.err


#: What in a run is no text of others: the app checks it, or makes it.
OURS = {"status", "kind", "severity", "price", "path_kind", "self"}


def filled(value, text, key=""):
    """An answer of the API in which every text that others may have written is this one."""
    if isinstance(value, dict):
        ours = {"name"} if key == "route" else set()  # one of two words there
        return {name: inner if name in ours else filled(inner, text, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, text, key) for inner in value]
    is_time = isinstance(value, str) and value[:2] == "20" and value.endswith("Z")
    return text if isinstance(value, str) and not is_time and key not in OURS else value


@pytest.fixture(scope="module")
def answered():
    """Runs of every status as the API answers them."""
    with pytest.MonkeyPatch.context() as patch:
        asked = Asked(world_with_runs()[0], patch)
        return [asked.ask(f"GET /api/runs/{number:020x}")[1] for number in range(len(Status))]


def run_with(answer, text):
    readable = text.encode("utf-8", "replace").decode()
    return msgspec.convert(filled(answer, readable), served.Run)


def test_no_blob_breaks_the_lists(monkeypatch, capsys):
    """`att/[/bold]x.jsonl` ended `status` for everybody."""
    texts = [text.encode("utf-8", "replace").decode() for text in ALL]
    at = "2026-01-01T00:00:00Z"
    rows = tuple(
        served.RunRow(
            id=f"{number:020x}",
            pipeline=text,
            dataset=text,
            status=Status.TRAINING,
            status_since=at,
            created_at=at,
            job_id=None,
            job_status=text,
        )
        for number, text in enumerate(texts)
    )
    decisions = tuple(
        served.DecisionRow(
            at=at,
            run=text,
            pipeline=text,
            dataset=text,
            gate="deployment",
            decision="hold",
            digest=text,
            evaluation=text,
            person=text,
            name=text,
            role=text,
            comment=text,
            app_version=text,
            pipeline_file=text,
        )
        for text in texts
    )
    raw = {
        "/api/runs": msgspec.json.encode(served.Runs(runs=rows, next=None)),
        "/api/decisions": msgspec.json.encode(served.Decisions(decisions=decisions, next=None)),
    }
    monkeypatch.setattr("cli.app.find", lambda _: SimpleNamespace(client=lambda: client, url="x"))
    client = Client("https://x", lambda: "t", send=lambda _, url, *__: Reply(200, raw[urlsplit(url).path]))
    monkeypatch.setenv("COLUMNS", "20000")
    for command in (["runs", "--limit", "1000"], ["decisions"], ["runs", "--limit", "1000", "--json"]):
        assert call(command) == 0
        assert raw_in(capsys.readouterr().out) == set()
    assert call(["decisions", "--csv"]) == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert len(table) == 1 + len(ALL)
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for row in table for cell in row)


def test_a_run_is_shown_as_text(terminal, answered):
    console, printed = terminal
    console.width = 100
    texts = ALL[::4] + [text for text in ALL[1::2] if not text.isprintable() or "[" in text]
    for number, text in enumerate(texts):
        run = run_with(answered[number % len(answered)], text)
        show_run(console, run, is_whole=True)
        if run.gate:
            show_gate(console, run, run.gate, a_month=text, asked=text)
        watched = Watched("r")
        watched.run = run
        console.print(render(watched))
        if watched.is_over:
            client = SimpleNamespace(get_run=lambda _, run=run: run)
            follow(console, client, "r", look_s=0)

    assert raw_in(printed()) == set()
    assert "[/bold]" in printed()


# --- logs, errors, answers


def test_log_records_are_one_line_each(caplog):
    with caplog.at_level(logging.INFO, logger="finetune"):
        for text in ALL:
            records.log(names.RUN_UNKNOWN, run_id=text)
            records.log(names.REQUEST_REFUSED, http_status=404, code=text, detail=text)

    assert len(caplog.records) == 2 * len(ALL)
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_errors_say_names_on_one_line():
    for text in ALL:
        error = NotFound(f"there is no artifact {text}", remedy=f"Look at {text}.")
        assert f"{error}{error.message}{error.remedy}".isprintable()
        assert Remark.at((1, 1), text, text, text).render(text).isprintable()


def invoked(function):
    """What the worker sees of a function that raises."""
    context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent="", trace_state=""))
    with pytest.raises(Exception) as raised:  # noqa: PT011  # whatever it is
        traced(function)(context=context)
    return raised


def test_what_the_host_logs_of_an_exception_is_one_line():
    for text in (text for text in NAUGHTY if not text.isprintable()):

        def raising(text=text):
            try:
                raise OSError(text) from ValueError(text)  # noqa: TRY301
            except OSError as error:
                msg = f"unforeseen: {text}"
                raise RuntimeError(msg) from error

        raised = invoked(raising)

        assert str(raised.value).isprintable()
        assert str(raised.value).startswith("RuntimeError: unforeseen: ")
        assert " <- OSError: " in str(raised.value)
        assert " <- ValueError: " in str(raised.value)
        assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)
        assert raised.traceback[-1].name == "raising"
        assert raised.value.kind is RuntimeError


def test_an_exception_that_prints_is_raised_as_it_is():
    def raising():
        msg = "somebody else wrote first"
        raise Conflict(msg) from ValueError("x")

    raised = invoked(raising)
    assert isinstance(raised.value, Conflict)
    assert isinstance(raised.value.__cause__, ValueError)


def test_answers_are_json_that_prints():
    texts = [text.encode("utf-8", "replace").decode() for text in ALL]
    for response in (answer(texts), *(error_answer(NotFound(text)) for text in texts)):
        assert isinstance(response, func.HttpResponse)
        assert raw_in(response.get_body().decode()) == set()
    assert json.loads(answer(texts).get_body()) == texts

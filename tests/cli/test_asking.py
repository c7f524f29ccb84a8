"""Commands that ask the app, through `main`: what they send, what they show, and how they end."""

import csv
import io
import json

import msgspec
import pytest

from cli.sending import Reply, Unreachable
from shared.core import served
from shared.core.status import Status
from tests.cli.deployed import AT, URL, Deployed
from tests.functions.populated import OPERATOR, READER

GATE = AT[Status.AWAITING_APPROVAL]
SPEND = AT[Status.AWAITING_SPEND_APPROVAL]


@pytest.fixture(autouse=True)
def app(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return Deployed(monkeypatch)


def decoded(out, shape):
    return msgspec.json.decode(out, type=shape)


# --- what there is


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_no_id_and_no_status_is_folded(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, err = run("runs")
    lines = out.splitlines()

    assert (code, err) == (0, "")
    for status, run_id in AT.items():
        (place,) = (place for place, line in enumerate(lines) if line.startswith(run_id))
        said = lines[place + 1] if columns == "40" else lines[place]
        assert status in said.split()
    assert max(map(len, lines)) <= int(columns)


def test_runs_are_listed_by_pipeline_status_and_number(app, run):
    code, out, err = run("runs", "--limit", "3", "--pipeline", "summaries", "--json")
    page = decoded(out, served.Runs)

    assert (code, len(page.runs)) == (0, 3)
    assert page.next is not None
    assert "pipeline=summaries" in app.sent[0][1]
    code, out, err = run("runs", "--limit", "3")
    assert "--limit" in err
    code, out, err = run("runs", "--status", "training", "--json")
    assert [row.id for row in decoded(out, served.Runs).runs] == [AT[Status.TRAINING]]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1" * 30])
def test_a_limit_is_a_number_from_one(app, run, limit):
    assert run("runs", "--limit", limit)[0] == 2
    assert app.sent == []


def test_what_waits_is_listed_with_what_is_asked(run):
    code, out, _ = run("waiting")

    assert code == 0
    assert GATE in out
    assert SPEND in out
    assert "deployment" in out
    assert {row.id for row in decoded(run("waiting", "--json")[1], served.Waiting).waiting} == {GATE, SPEND}


def test_there_are_no_runs(app, run):
    app.answers = [Reply(200, b'{"runs": [], "next": null}')] * 2
    assert run("runs")[:2] == (0, "There are no runs.\n")
    assert run("runs", "--status", "training")[:2] == (0, "There are no such runs.\n")


def test_nothing_waits(app, run):
    app.answers = [Reply(200, b'{"waiting": [], "next": null}')]
    assert run("waiting")[:2] == (0, "Nothing waits for a person.\n")


def test_a_run_is_shown_with_its_verdict_its_gate_and_its_digest(run):
    code, out, _ = run("show", GATE)
    shown = decoded(run("show", GATE, "--json")[1], served.Run)

    assert code == 0
    assert out.endswith(f"\npage: {URL}/api/ui/runs/{GATE}\n")
    assert shown.id == GATE
    for text in (GATE, shown.gate.digest, shown.gate.reason, shown.evaluation.reason, shown.dataset.name):
        assert text in out


@pytest.mark.parametrize("status", Status)
def test_a_run_in_every_status_can_be_shown(run, status):
    assert run("show", AT[status])[0] == 0


def test_the_newest_lines_of_a_long_history_are_shown(app, run):
    shown = decoded(run("show", GATE, "--json")[1], served.Run)
    event = served.Event(
        sequence=1,
        at="2026-11-23T10:00:00.000Z",
        kind="note",
        before=None,
        after=None,
        detail="a line",
        app_version=None,
        role=None,
        comment=None,
    )
    long = Reply(200, msgspec.json.encode(msgspec.structs.replace(shown, history=(event,) * 100)))
    app.answers = [long, Reply(404, b"")] * 2  # the run, and what it is pinned to

    assert run("show", GATE)[1].count("a line") == 40
    assert run("show", GATE, "--history")[1].count("a line") == 100


def test_a_status_that_there_is_not_is_an_error_that_names_them(app, run):
    code, _, err = run("runs", "--status", "bogus")

    assert code == 2
    assert all(str(status) in err for status in Status)
    assert app.sent == []


@pytest.mark.parametrize("run_id", ["", " ", "a/b"])
@pytest.mark.parametrize("command", ["show", "watch", "approve", "cancel"])
def test_what_is_not_an_id_is_asked_for_nothing(app, run, command, run_id):
    code, _, err = run(command, run_id)

    assert (code, app.sent) == (2, [])
    assert "is not the id of a run" in err


def test_reasons_are_folded_between_words(app, run):
    reason = "against gpt-4.1, a gain of nothing is all that is safe to say " * 8
    rows = decoded(run("waiting", "--json")[1], served.Waiting).waiting
    rows = tuple(
        msgspec.structs.replace(row, gate=msgspec.structs.replace(row.gate, reason=reason)) for row in rows
    )
    app.answers = [Reply(200, msgspec.json.encode(served.Waiting(waiting=rows, next=None)))]
    out = run("waiting")[1]

    assert max(len(line) for line in out.splitlines()) <= 80
    assert reason.strip() in " ".join(out.split())


def test_of_many_that_wait_the_first_ones_are_looked_at(app, run):
    (row, *_) = decoded(run("waiting", "--json")[1], served.Waiting).waiting
    app.sent.clear()
    rows = tuple(msgspec.structs.replace(row, id=f"{number:020x}") for number in range(100, 112))
    app.answers = [Reply(200, msgspec.json.encode(served.Waiting(waiting=rows, next=None)))]
    out = run("waiting")[1]

    assert len(app.sent) == 1 + 10
    assert out.count("was not looked at here") == 12  # none of these is there
    assert out.count("look at it with: foundry-finetune show ") == 12


# --- what people say


def test_an_approval_shows_what_is_approved_and_says_how_many_are_missing(run):
    code, out, err = run("approve", GATE, "--comment", "read it")
    gate = decoded(run("show", GATE, "--json")[1], served.Run).gate

    assert (code, err) == (0, "")
    assert "recorded: approve; approvals missing: 1" in out
    shown = out[: out.index("recorded")]
    for text in (gate.reason, gate.digest, "verdict", "training", "a month", "until"):
        assert text in shown
    assert [(vote.decision, vote.comment) for vote in gate.decisions] == [("approve", "read it")]


def test_an_approval_goes_to_the_next_gate_or_the_end(app, run):
    """Nobody moves the runs of this world: the test does, between two looks."""

    def goes_on():
        if app.sent and app.sent[-1][0] == "POST":
            loaded, tag = app.world.runs.load(SPEND)
            app.world.runs.replace(msgspec.structs.replace(loaded, status=Status.DEPLOYED), tag, [])

    app.waits = goes_on
    code, out, _ = run("approve", SPEND)

    assert code == 0
    assert "recorded: approve; approvals missing: 0" in out
    assert "\ndeployed" in out
    assert out.rstrip().splitlines()[-2] == "what clients use: foundry-finetune pipelines show summaries"


def test_an_approval_stops_at_the_next_open_gate(app, run):
    """Another gate is another run here: after the vote the app answers with a run that asks anew."""
    before = decoded(run("show", GATE, "--json")[1], served.Run)
    decided = served.Decided(
        run=GATE,
        gate="deployment",
        decision="approve",
        digest=before.gate.digest,
        is_new=True,
        approvals_missing=0,
    )
    first, then = Reply(200, msgspec.json.encode(before)), Reply(200, msgspec.json.encode(before))
    unreadable = Reply(404, b"")
    app.answers = [first, unreadable, unreadable, Reply(200, msgspec.json.encode(decided)), then, unreadable]
    code, out, _ = run("approve", GATE)

    assert code == 0
    assert f"decide with: foundry-finetune approve {GATE}" in out
    assert app.answers == []


def test_only_what_was_read_is_approved(run):
    code, _, err = run("approve", GATE, "--digest", "sha256:" + "0" * 64)

    assert code == 1
    assert "409 stale_digest" in err


def unproven(app):
    loaded, tag = app.world.runs.load(GATE)
    evaluation = msgspec.structs.replace(loaded.evaluation, outcome="unproven")
    app.world.runs.replace(loaded.evolve(evaluation=evaluation), tag, [])


def test_words_are_asked_for_where_nothing_is_proven(app, run):
    unproven(app)
    code, _, err = run("approve", GATE)

    assert code == 2
    assert "--comment" in err
    assert not [method for method, *_ in app.sent if method == "POST"]
    assert run("approve", GATE, "--comment", "we know it from the pilot")[0] == 0


def test_somebody_at_the_terminal_is_asked_for_words_and_once_more(app, run, monkeypatch):
    unproven(app)
    said = iter(["we know it from the pilot\n", "y\n"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("cli.deciding.ask", lambda _: next(said))

    assert run("approve", GATE)[0] == 0
    assert json.loads(app.sent[-1][2])["comment"] == "we know it from the pilot"


@pytest.mark.parametrize("answer", ["", "n\n", "what?\n"])
def test_nothing_is_decided_without_a_yes(app, run, monkeypatch, answer):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("cli.deciding.ask", lambda _: answer)

    for said in ("approve", "reject"):
        code, _, err = run(said, GATE)
        assert (code, err) == (1, "nothing was decided\n")
    assert not [method for method, *_ in app.sent if method == "POST"]


@pytest.mark.parametrize(
    ("said", "options"), [("reject", ()), ("reject", ("--yes",)), ("approve", ("--yes",))]
)
def test_somebody_at_the_terminal_is_asked_before_a_vote_unless_they_said_yes(
    app, run, monkeypatch, said, options
):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("cli.deciding.ask", lambda question: asked.append(question) or "y")

    assert run(said, GATE, "--no-wait", *options)[0] == 0
    assert len(asked) == (not options)
    assert [json.loads(body)["decision"] for method, _, body in app.sent if method == "POST"] == [said]


def test_an_approval_is_withdrawn_and_a_question_held(app, run):
    run("approve", GATE)
    assert "recorded: withdraw" in run("withdraw", GATE, "--comment", "a wrong label")[1]
    app.person = "oid-2"
    assert "recorded: hold" in run("hold", GATE, "--comment", "why are refunds worse?")[1]
    gate = decoded(run("show", GATE, "--json")[1], served.Run).gate
    assert [hold.comment for hold in gate.holds] == ["why are refunds worse?"]
    assert gate.needs_answer
    assert "why are refunds worse?" in run("approve", GATE)[1]


@pytest.mark.parametrize("comment", [(), ("--comment", " ")])
def test_a_hold_needs_words(app, run, comment):
    assert run("hold", GATE, *comment)[0] == 2
    assert not [method for method, *_ in app.sent if method == "POST"]


def test_a_rejection_is_all_it_takes(run):
    decided = decoded(run("reject", GATE, "--no-wait", "--json", "--comment", "no")[1], served.Decided)

    assert (decided.decision, decided.is_new) == ("reject", True)


def test_nothing_is_decided_where_no_gate_is_open(run):
    code, _, err = run("approve", AT[Status.TRAINING])

    assert code == 1
    assert "no gate is open" in err


# --- what operators ask


@pytest.mark.parametrize(("act", "status"), [("cancel", Status.TRAINING), ("retry", Status.FAILED)])
def test_a_run_is_stopped_or_tried_again(app, run, act, status):
    app.role = OPERATOR
    code, out, _ = run(act, AT[status], "--comment", "the data is wrong")

    assert code == 0
    assert f"recorded: {act} {AT[status]}" in out
    assert app.sent[-1][:2] == ("POST", f"/api/runs/{AT[status]}/{act}")
    assert "why: the data is wrong" in run("show", AT[status], "--history")[1]


def test_a_run_is_judged_again(app, run):
    answered = served.Rejudged(
        run=GATE,
        status=Status.QUEUEING,
        changed=("evaluation.graders",),
        notes=("label decides",),
        answers_missing=12,
        estimated_usd=1.5,
        estimate_basis="12 answers",
    )
    app.answers = [Reply(202, msgspec.json.encode(answered))] * 2
    out = run("rejudge", GATE)[1]

    for text in ("evaluation.graders", "label decides", "12 answers", "1.50 USD"):
        assert text in out
    assert decoded(run("rejudge", GATE, "--json")[1], served.Rejudged) == answered


@pytest.mark.parametrize("act", ["cancel", "retry", "rejudge"])
def test_what_cannot_be_done_is_refused_with_its_reason(run, act):
    code, out, err = run(act, AT[Status.DEPLOYED])

    assert (code, out) == (1, "")
    assert "409 " in err


def test_a_reader_acts_on_nothing(app, run):
    app.role = READER
    assert run("cancel", AT[Status.TRAINING])[0] == 1
    code, _, err = run("approve", GATE)
    assert code == 1
    assert "403 forbidden" in err
    assert "FineTune.Approver" in err


# --- audits


def test_all_pages_of_decisions_are_exported(app, run, tmp_path):
    run("approve", GATE, "--comment", "=1+1")
    rows = decoded(run("decisions", "--json", "--from", "2026-01-01")[1], served.Decisions).decisions
    app.sent.clear()
    pages = [served.Decisions(decisions=rows, next="a"), served.Decisions(decisions=(), next="b")]
    pages.append(served.Decisions(decisions=rows, next=None))
    app.answers = [Reply(200, msgspec.json.encode(page)) for page in pages]
    code, out, err = run("decisions", "--csv", "--from", "2026-01-01", "--to", "2027-01-01")
    table = list(csv.reader(io.StringIO(out)))

    assert (code, len(rows), err) == (0, 1, "")
    assert table[0] == [field.name for field in msgspec.structs.fields(served.DecisionRow)]
    assert len(table) == 3
    assert table[1][table[0].index("comment")] == "'=1+1"
    assert ["after" in path for _, path, _ in app.sent] == [False, True, True]
    file = tmp_path / "decisions.csv"
    assert run("decisions", "--csv", file)[0] == 0
    assert file.read_text().count("\n") == 2
    assert GATE in run("decisions")[1]


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_decisions_stand_in_the_order_of_time_with_who_and_why(app, run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    name, why = "ada.lovelace@analytical-engines.example", "read the twenty worst losses"
    rows = tuple(
        served.DecisionRow(
            **dict.fromkeys(served.DecisionRow.__struct_fields__)
            | {
                "at": f"2026-11-0{day}T10:00:00.000Z",
                "run": GATE,
                "gate": "deployment",
                "decision": "approve",
                "digest": "sha256:" + "0" * 64,
                "name": name,
                "comment": f"{why} {day}",
            }
        )
        for day in (3, 1, 2)
    )
    app.answers = [Reply(200, msgspec.json.encode(served.Decisions(decisions=rows, next=None)))]
    out = run("decisions")[1]

    assert out.count(name) == 3
    assert [line.strip()[-1] for line in out.splitlines() if why in line] == ["1", "2", "3"]
    app.answers = [Reply(200, b'{"decisions": [], "next": null}')]
    assert run("decisions")[1] == "Nobody decided anything in this period.\n"


def test_a_day_is_a_day(app, run):
    assert run("decisions", "--from", "yesterday")[0] == 2
    assert run("decisions", "--from", "2026-99-99")[0] == 1
    assert len(app.sent) == 1


# --- pipelines


def test_pipelines_are_listed_and_shown(app, run):
    assert "summaries" in run("pipelines", "list")[1]
    assert decoded(run("pipelines", "list", "--json")[1], served.Pipelines).pipelines[0].name == "summaries"
    assert "in use   none" in run("pipelines", "show", "summaries")[1]
    assert decoded(run("pipelines", "show", "summaries", "--json")[1], served.Pipeline).name == "summaries"
    route = served.Route(name="project", path="/p", audience="https://ai.azure.com")
    champion = served.Champion(
        deployment="summaries-1", model="m", run_id=GATE, since="2026-11-01T00:00:00.000Z", route=route
    )
    pipeline = served.Pipeline(name="summaries", champion=champion, previous=champion)
    rows = served.Pipelines(pipelines=(served.PipelineRow(name="summaries", champion=champion),), next=None)
    app.answers = [Reply(200, msgspec.json.encode(pipeline)), Reply(200, msgspec.json.encode(rows))]
    assert "https://ai.azure.com" in run("pipelines", "show", "summaries")[1]
    assert "summaries-1" in run("pipelines", "list")[1]


def long_named(count):
    route = served.Route(name="project", path="/p", audience="https://ai.azure.com")
    for number in range(count):
        name = f"{'long-pipeline-name-' * 2}{number:02}"
        champion = served.Champion(
            deployment=f"{name}-0123abcd",
            model="m",
            run_id=GATE,
            since="2026-11-01T00:00:00.000Z",
            route=route,
        )
        yield served.PipelineRow(name=name, champion=champion)


def test_no_name_of_a_deployment_is_folded_and_the_table_has_80_columns(app, run):
    rows = tuple(long_named(3))
    app.answers = [Reply(200, msgspec.json.encode(served.Pipelines(pipelines=rows, next=None)))]
    out = run("pipelines", "list")[1]

    assert all(row.champion.deployment in out for row in rows)
    assert max(map(len, out.splitlines())) <= 80


def test_long_names_widen_no_table(app, run):
    at, words = "2026-11-01T00:00:00.000Z", "word " * 40
    rows = decoded(run("waiting", "--json")[1], served.Waiting).waiting
    long = msgspec.structs.replace(rows[0], pipeline="p" * 40)
    app.answers = [Reply(200, msgspec.json.encode(served.Waiting(waiting=(long,), next=None)))]
    table = run("waiting")[1].splitlines()
    assert max(len(line) for line in table if ": foundry-finetune " not in line) <= 80
    assert table[1].startswith(f"{long.id} ")
    decision = served.DecisionRow(
        at=at,
        run=GATE,
        pipeline="p" * 40,
        dataset=words,
        gate="deployment",
        decision="withdraw",
        digest="sha256:" + "0" * 64,
        person=words,
        name="n" * 100,
        role=words,
        comment=words,
        app_version=None,
        pipeline_file=None,
    )
    page = served.Decisions(decisions=(decision,), next=None)
    app.answers = [Reply(200, msgspec.json.encode(page))]
    table = run("decisions")[1].splitlines()
    assert max(len(line) for line in table if "n" * 100 not in line) <= 80
    assert table[1].startswith(f"{GATE} ")
    assert table[2] == f"    {'n' * 100}:"  # a name is never broken
    assert " ".join(table[3].split()) in words


# --- when it goes wrong

HTML = b"<!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("answers", "code", "says"),
    [
        ([Reply(401, b"")], 2, "az login"),
        ([Reply(403, HTML)], 1, "you hold no app role"),
        ([Reply(404, HTML)], 2, "is this its address?"),
        ([Reply(302, b"")], 2, "is this its address?"),
        ([Reply(200, HTML)], 2, "is this program of its release?"),
        ([Reply(200, b"")], 2, "is this program of its release?"),
        ([Reply(200, b"[" * 100_000)], 2, "is this program of its release?"),
        ([Reply(429, b"", 1.0)] * 4, 2, "429"),
        ([Reply(503, HTML)] * 4, 2, "503"),
        ([Reply(500, HTML)], 2, "500"),
        ([Unreachable("Name or service not known")] * 4, 2, "cannot be reached: Name or service not known"),
    ],
)
@pytest.mark.parametrize(
    "command", [("runs",), ("show", GATE), ("approve", GATE), ("waiting",), ("decisions",)]
)
def test_what_stands_in_front_of_the_app_is_no_traceback(app, run, answers, code, says, command):
    app.answers = list(answers)
    ended, out, err = run(*command)

    assert (ended, out) == (code, "")
    assert says in err
    assert "Traceback" not in err


def test_a_run_that_is_not_there_is_refused(run):
    for command in ("show", "watch", "approve", "cancel"):
        code, _, err = run(command, "f" * 20)
        assert code == 1
        assert "404 not_found" in err


def test_a_token_is_asked_for_the_app_and_sent_nowhere_else(app, run):
    run("runs")
    assert app.tokens == ["api://11111111-2222-3333-4444-555555555555"]
    code, _, err = run("runs", "--app", "https://other.example")
    assert code == 2
    assert "--client-id" in err
    assert run("runs", "--app", "http://app.example", "--client-id", "x")[0] == 2
    assert run("runs", "--app", f"{URL}/")[0] == 0


def test_without_an_app_it_is_said_how_one_is_named(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FUNCTION_APP_URL")
    code, _, err = run("runs")

    assert code == 2
    for text in ("--app URL", "FUNCTION_APP_URL", "azd env get-values", "--local"):
        assert text in err


@pytest.mark.parametrize(
    "options", [("--as", "reader"), ("--local", "--app", URL), ("--state", "x", "--client-id", "y")]
)
def test_options_of_one_cloud_are_not_taken_for_the_other(run, options):
    assert run("runs", *options)[0] == 2


def test_a_local_cloud_that_does_not_run_is_said(run, tmp_path):
    code, _, err = run("runs", "--state", tmp_path)

    assert code == 2
    assert "make up" in err
    (tmp_path / "cloud.json").write_text('{"url": 1}')
    assert run("runs", "--state", tmp_path)[0] == 2

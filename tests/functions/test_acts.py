"""Forms: what a person does on a page is what the API does, and nothing is done otherwise."""

import html
from datetime import timedelta

import msgspec
import pytest

from shared.core.observations import Champion
from shared.core.run import EvaluationSummary, GateDecision, Status
from shared.views.offers import ACTS, SAYS
from tests.core.scenarios import at_deployment_gate
from tests.functions import populated
from tests.functions.declared import API
from tests.functions.populated import APPROVER, OPERATOR, READER, Asked, world_with_runs
from tests.support.builders import NOW
from tests.support.long_run import measured_product
from tests.support.principals import principal

ORDER = list(Status)


class Acting(Asked):
    """An app with a run in each status, and what is stored of them."""

    def __init__(self, monkeypatch):
        world, ids = world_with_runs()
        world.clock.set(NOW)
        super().__init__(world, monkeypatch)
        self.world, self.ids = world, ids

    def id(self, status):
        return self.ids[ORDER.index(status)]

    def run(self, status):
        return self.world.runs.load(self.id(status))[0]

    def change(self, status, **changes):
        run, version = self.world.runs.load(self.id(status))
        self.world.runs.replace(run.evolve(**changes), version, [])

    def path(self, act, status):
        return f"/api/ui/runs/{self.id(status)}/do/{act}"

    def fields(self, status, comment="because"):
        gate = self.run(status).gate
        return (
            {"gate": gate.name, "digest": gate.digest, "comment": comment} if gate else {"comment": comment}
        )

    def do(self, act, status, role=APPROVER, fields=None, **more):
        return self.send(f"{self.path(act, status)}/send", fields or self.fields(status), role, **more)


@pytest.fixture
def app(monkeypatch):
    return Acting(monkeypatch)


def text_of(answered):
    return html.unescape(answered[2])


#: Act -> a status in which it may be taken.
FITTING = {
    "approve": Status.AWAITING_APPROVAL,
    "reject": Status.AWAITING_SPEND_APPROVAL,
    "hold": Status.AWAITING_APPROVAL,
    "cancel": Status.TRAINING,
    "retry": Status.FAILED,
}


@pytest.mark.parametrize(("act", "status"), FITTING.items())
def test_an_act_has_a_page_that_says_what_will_happen_and_a_form_that_does_it(app, act, status):
    if act == "retry":
        app.change(status, model=None)
    answered = app.page(app.path(act, status), APPROVER)
    assert answered[0] == 200
    assert "What will happen" in text_of(answered)
    assert f'{app.path(act, status)}/send"' in answered[2]
    before = app.run(status)

    code, headers, _ = app.do(act, status)

    assert (code, headers["Location"]) == (303, f"/api/ui/runs/{app.id(status)}?notice={act}")
    after = app.run(status)
    assert after != before
    if act in SAYS:
        [said] = (*after.gates[before.gate.name].decisions, *after.gates[before.gate.name].holds)
        assert (said.decision, said.comment, said.role) == (act, "because", APPROVER)
    else:
        assert getattr(after, act).comment == "because"
    assert [text.partition(" ")[0] for text in app.queued] == ([] if act == "hold" else [app.id(status)])


def test_the_reason_of_a_wish_stands_in_the_history(app):
    app.do("cancel", Status.TRAINING)
    [line] = app.world.runs.history(app.id(Status.TRAINING), kinds=("cancel",))
    assert (line.detail, line.comment, line.person, line.role) == (
        "asked by Ada",
        "because",
        "oid-1",
        APPROVER,
    )


def test_the_same_form_twice_is_recorded_once(app):
    app.do("approve", Status.AWAITING_APPROVAL)
    code, headers, _ = app.do("approve", Status.AWAITING_APPROVAL)

    assert code == 303
    assert headers["Location"].endswith("?notice=before")
    assert len(app.run(Status.AWAITING_APPROVAL).gates["deployment"].decisions) == 1


def test_an_approval_of_one_s_own_is_withdrawn_while_others_are_missing(app):
    gate = app.run(Status.AWAITING_APPROVAL).gates["deployment"]
    app.change(
        Status.AWAITING_APPROVAL, gates={"deployment": msgspec.structs.replace(gate, approvals_needed=2)}
    )
    assert "nothing to withdraw" in text_of(
        app.page(app.path("withdraw", Status.AWAITING_APPROVAL), APPROVER)
    )
    app.do("approve", Status.AWAITING_APPROVAL)

    assert app.do("withdraw", Status.AWAITING_APPROVAL)[0] == 303
    assert app.do("approve", Status.AWAITING_APPROVAL)[0] == 303
    decisions = app.run(Status.AWAITING_APPROVAL).gates["deployment"].decisions
    assert [one.decision for one in decisions] == ["approve", "withdraw", "approve"]


@pytest.mark.parametrize("role", [READER, OPERATOR])
@pytest.mark.parametrize("act", SAYS)
def test_who_may_not_vote_is_offered_nothing_and_reads_which_role_may(app, act, role):
    answered = app.page(app.path(act, Status.AWAITING_APPROVAL), role)
    assert "<form" not in answered[2]
    assert "FineTune.Approver" in answered[2] or act == "withdraw"
    before = app.run(Status.AWAITING_APPROVAL)

    refused = app.do(act, Status.AWAITING_APPROVAL, role)

    assert refused[0] == 403
    assert "Nothing was recorded." in refused[2]
    assert "FineTune.Approver" in refused[2]
    assert app.run(Status.AWAITING_APPROVAL) == before
    assert app.queued == []


@pytest.mark.parametrize(
    ("act", "status"),
    [("cancel", Status.TRAINING), ("retry", Status.FAILED), ("rejudge", Status.NOT_PROMOTED)],
)
def test_a_reader_only_reads(app, act, status):
    before = app.run(status)
    refused = app.do(act, status, READER)

    assert refused[0] == 403
    assert "FineTune.Operator" in refused[2]
    assert app.run(status) == before


def test_the_uploader_decides_nothing_but_may_answer(app):
    page = text_of(app.page(app.path("approve", Status.AWAITING_APPROVAL), APPROVER, "uploader-oid"))
    assert "uploaded this dataset and may not decide on it" in page
    assert app.do("approve", Status.AWAITING_APPROVAL, person="uploader-oid")[0] == 403
    assert app.do("hold", Status.AWAITING_APPROVAL, person="uploader-oid")[0] == 303


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Origin": "https://evil.example"}, "another site"),
        ({"Origin": "null"}, "another site"),
        ({"Origin": None}, "Origin is missing"),
        ({"Sec_Fetch_Site": "cross-site"}, "another site"),
        ({"Sec_Fetch_Site": "same-site"}, "another site"),
        ({"Authorization": "Bearer x"}, "brings a token"),
        ({"X_ZUMO_AUTH": "x"}, "brings a token"),
    ],
)
def test_a_form_comes_from_our_own_pages_and_a_browser_that_signed_in(app, headers, why):
    before = app.run(Status.AWAITING_APPROVAL)
    answered = app.do("approve", Status.AWAITING_APPROVAL, **headers)

    assert answered[0] == 403
    assert why in text_of(answered)
    assert app.run(Status.AWAITING_APPROVAL) == before
    assert app.queued == []


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (b"{}", {"Content-Type": "application/json"}, "expected application/x-www-form-urlencoded"),
        (b"comment=" + b"a" * 20_000, {}, "at most 16384"),
        (b"comment=a&comment=b", {}, "names a field twice"),
        (b"comment=%ff", {}, "cannot be read"),
        (b"comment=\xff", {}, "cannot be read"),
        (b"&".join(b"a%d=1" % number for number in range(99)), {}, "cannot be read"),
        (b"decision=approve", {}, "which nothing asks for"),
        (b"gate=deployment", {}, "digest"),
        (b"gate=other&digest=sha256:" + b"0" * 64, {}, "there is no gate"),
        (b"", {}, "digest"),
    ],
)
def test_a_form_that_is_none_is_refused(app, body, headers, why):
    before = app.run(Status.AWAITING_APPROVAL)
    answered = app.do("approve", Status.AWAITING_APPROVAL, fields=body or b"gate=deployment", **headers)

    assert answered[0] in {400, 404}
    assert why in text_of(answered)
    assert app.run(Status.AWAITING_APPROVAL) == before


def test_a_comment_may_have_lines_and_no_more_than_1000_characters(app):
    assert (
        app.do("hold", Status.AWAITING_APPROVAL, fields=app.fields(Status.AWAITING_APPROVAL, "a\r\nb"))[0]
        == 303
    )
    assert app.run(Status.AWAITING_APPROVAL).gates["deployment"].holds[0].comment == "a\nb"
    for act, status in (("approve", Status.AWAITING_APPROVAL), ("cancel", Status.TRAINING)):
        assert app.do(act, status, fields=app.fields(status, "x" * 1001))[0] == 400


@pytest.mark.parametrize("act", ["hold", "approve"])
def test_words_are_asked_for_where_the_core_asks_for_them_and_what_was_typed_is_kept(app, act):
    status = Status.AWAITING_APPROVAL
    seen = msgspec.structs.replace(app.run(status).evaluation, outcome="unproven")
    assert isinstance(seen, EvaluationSummary)
    app.change(status, evaluation=seen)
    assert "required" in app.page(app.path(act, status), APPROVER)[2]

    answered = app.do(act, status, fields=app.fields(status, "  "))

    assert answered[0] == 400
    assert "Nothing was recorded." in answered[2]
    assert app.do("reject", status, fields=app.fields(status, ""))[0] == 303


def test_two_approvers_at_once(app):
    """Both have the page open; the first one rejects, the second one approves: nothing is recorded, and they see why."""
    status = Status.AWAITING_SPEND_APPROVAL
    fields = app.fields(status)
    app.do("reject", status, fields=fields, person="oid-2")
    before = app.run(status)
    run, version = app.world.runs.load(before.id)
    app.world.runs.replace(run.move(Status.REJECTED, NOW), version, [])

    answered = app.do("approve", status, fields=fields | {"comment": "my <words>"})

    assert answered[0] == 409
    assert "decided already" in text_of(answered)
    assert "The run is" in answered[2]
    assert "rejected" in answered[2]
    assert "my &lt;words&gt;" in answered[2]
    assert [one.person for one in app.run(status).gates["spend"].decisions] == ["oid-2"]


def test_an_approval_of_what_was_replaced_meanwhile_shows_why_and_queues_the_run(app):
    status = Status.AWAITING_APPROVAL
    seen = msgspec.structs.replace(app.run(status).evaluation, champion=None)
    app.change(status, evaluation=seen)
    app.world.pipelines.promote(
        "summaries", Champion(deployment="d", model="m", run_id="f" * 20, since=NOW), None
    )

    answered = app.do("approve", status)

    assert answered[0] == 409
    assert "counts no more" in text_of(answered)
    assert app.run(status).gates["deployment"].decisions == ()
    assert [text.partition(" ")[0] for text in app.queued] == [app.id(status)]


def test_another_digest_is_not_approved(app):
    status = Status.AWAITING_APPROVAL
    fields = app.fields(status) | {"digest": "sha256:" + "0" * 64}
    answered = app.do("approve", status, fields=fields)

    assert answered[0] == 409
    assert app.run(status).gate.digest in answered[2]
    assert app.run(status).gates["deployment"].decisions == ()


def test_a_gate_that_is_over_takes_nothing(app):
    app.world.clock.set(app.run(Status.AWAITING_APPROVAL).gate.approve_by + timedelta(seconds=1))
    page = text_of(app.page(app.path("approve", Status.AWAITING_APPROVAL), APPROVER))
    answered = app.do("approve", Status.AWAITING_APPROVAL)

    assert "expired at" in page
    assert answered[0] == 410
    assert app.run(Status.AWAITING_APPROVAL).gates["deployment"].decisions == ()


@pytest.mark.parametrize("act", ACTS)
def test_whose_session_ended_comes_back_to_the_form_and_reads_that_nothing_was_recorded(app, act):
    for status in Status:
        before = app.run(status)
        answered = app.page(f"{app.path(act, status)}/send", APPROVER)
        assert answered[0] == 200
        assert "Nothing was recorded." in answered[2]
        assert app.run(status) == before
    assert app.queued == []


@pytest.mark.parametrize("status", Status)
def test_what_is_offered_is_what_is_taken(app, status):
    """Whatever the status: a form is shown if and only if sending it is not refused."""
    fresh = world_with_runs()[0].runs.load(app.id(status))[0]
    for act in set(ACTS) - {"rejudge"}:  # which looks at much more than the run
        if act == "retry":
            app.change(status, model=None)
        is_offered = "<form" in app.page(app.path(act, status), APPROVER)[2]
        fields = {"gate": "deployment", "digest": "sha256:" + "0" * 64, "comment": "c"}
        taken = app.do(act, status, fields=fields | app.fields(status))
        before = taken[0] == 303 and taken[1]["Location"].endswith("=before")
        assert is_offered == (taken[0] == 303 and not before), (status, act, text_of(taken))
        run, version = app.world.runs.load(app.id(status))
        app.world.runs._rows[run.id] = (msgspec.json.encode(fresh), int(version) + 1)
        app.world.runs._events[run.id] = {}


def test_nobody_deploys_by_hand_what_was_not_promoted(app):
    page = text_of(app.page(app.path("approve", Status.NOT_PROMOTED), APPROVER))
    assert "nobody deploys by hand" in page
    assert "judged again" in page
    assert "<form" not in page


def test_there_is_no_other_act_and_no_other_run(app):
    assert app.page(f"/api/ui/runs/{app.ids[0]}/do/delete", APPROVER)[0] == 404
    assert app.page("/api/ui/runs/" + "f" * 20 + "/do/approve", APPROVER)[0] == 404
    assert app.send("/api/ui/runs/" + "f" * 20 + "/do/cancel/send", {}, APPROVER)[0] == 404


def test_an_application_acts_on_no_page(app, monkeypatch):
    monkeypatch.setattr(
        populated, "who", lambda *_: principal(("oid", "a"), ("idtyp", "app"), ("roles", READER))
    )
    assert app.do("cancel", Status.TRAINING)[0] == 403


def test_each_route_of_the_api_that_acts_has_a_form():
    gates = {"POST /api/runs/{run_id}/gates/{gate}": set(SAYS)}
    others = {f"POST /api/runs/{{run_id}}/{act}": {act} for act in ACTS if act not in SAYS}
    acting = {route for route in API if not route.startswith("GET ")}

    assert acting == gates.keys() | others.keys()
    assert set.union(*gates.values(), *others.values()) == set(ACTS)


@pytest.mark.parametrize(("what", "field"), [("approve", "decisions"), ("hold", "holds")])
def test_what_the_history_does_not_have_is_not_shown(app, what, field):
    status = Status.AWAITING_APPROVAL
    gate = at_deployment_gate().gates["deployment"]
    forged = GateDecision(
        person="x", name="Mallory", decision=what, digest=gate.digest, comment="Mallory says", at=NOW
    )
    app.change(status, gates={"deployment": msgspec.structs.replace(gate, **{field: (forged,)})})

    assert "Mallory" not in app.page(app.path("approve", status), APPROVER)[2]


def form_of(app, status=Status.AWAITING_APPROVAL, act="approve"):
    return text_of(app.page(app.path(act, status), APPROVER))


def test_the_form_says_what_follows_from_no_decision_by_its_gate(app):
    assert "expired: nothing is trained, and nothing is paid" in form_of(app, Status.AWAITING_SPEND_APPROVAL)
    assert "expired: nothing is deployed, and its clients keep what they have" in form_of(app)


@pytest.mark.parametrize(
    ("uploader", "may", "words"),
    [
        ("someone", False, "but not who dropped the dataset."),
        ("someone", True, "also who dropped the dataset"),
        (None, False, "so nobody is kept from voting as its uploader"),
    ],
)
def test_the_form_says_who_decides_on_this_dataset(app, uploader, may, words):
    status = Status.AWAITING_APPROVAL
    run = app.run(status)
    gate = msgspec.structs.replace(run.gates["deployment"], uploader_may_approve=may)
    dataset = msgspec.structs.replace(run.dataset, uploaded_by=uploader)
    app.change(status, gates={"deployment": gate}, dataset=dataset)

    for text in (form_of(app), text_of(app.page(f"/api/ui/runs/{app.id(status)}", APPROVER))):
        assert words in text


@pytest.mark.parametrize(
    ("outcome", "words"), [("better", "May be left empty"), ("unproven", "Needed to approve")]
)
def test_the_form_says_whether_words_are_needed(app, outcome, words):
    status = Status.AWAITING_APPROVAL
    app.change(status, evaluation=msgspec.structs.replace(app.run(status).evaluation, outcome=outcome))

    for text in (form_of(app), text_of(app.page(f"/api/ui/runs/{app.id(status)}", APPROVER))):
        assert words in text


def test_a_decided_gate_has_no_question_that_is_open_and_takes_none(app):
    status = Status.AWAITING_APPROVAL
    app.do("hold", status)
    assert "A question is open" in form_of(app)
    assert "Asked: <q>because</q>" in app.page("/api/ui", APPROVER)[2]
    for person in ("oid-2", "oid-3"):
        app.send(f"{app.path('approve', status)}/send", app.fields(status), APPROVER, person)

    text = text_of(app.page(f"/api/ui/runs/{app.id(status)}", APPROVER))
    assert "It is approved" in text
    assert "A question is open" not in text
    assert "/do/hold" not in text
    assert "Asked:" not in app.page("/api/ui", APPROVER)[2]


@pytest.mark.parametrize(
    ("act", "status", "words"),
    [
        ("retry", Status.AWAITING_APPROVAL, "this one waits for a person to decide at its gate"),
        ("retry", Status.TRAINING, "this one goes on by itself"),
        ("retry", Status.DEPLOYED, "this one has ended as deployed"),
        ("rejudge", Status.AWAITING_SPEND_APPROVAL, "this one waits for a person to decide at its gate"),
        ("rejudge", Status.CANCELLED, "this one has ended as cancelled"),
        ("cancel", Status.DEPLOYED, "It has ended: there is nothing to stop."),
        ("cancel", Status.REJECTED, "It has ended: there is nothing to stop."),
        ("cancel", Status.DEPLOYING, "Wait until it has ended"),
        ("cancel", Status.AWAITING_SPEND_APPROVAL, "No job was started, and none will be."),
        ("cancel", Status.TRAINING, "is cancelled first"),
        ("retry", Status.FAILED, "The run keeps the pipeline file that it began with"),
    ],
)
def test_what_is_said_of_an_act_is_true_of_this_run(app, act, status, words):
    assert words in form_of(app, status, act)


def test_words_that_are_missing_are_asked_for_without_a_name_of_the_api(app):
    fields = app.fields(Status.AWAITING_APPROVAL, "")
    said = text_of(app.do("hold", Status.AWAITING_APPROVAL, fields=fields))

    assert "A hold needs words" in said or "a hold needs words" in said
    assert "`comment`" not in said


def test_a_run_that_is_not_there_leads_to_the_list_of_runs(app):
    said = app.page("/api/ui/runs/" + "f" * 20, APPROVER)[2]

    assert 'href="/api/ui/runs">Runs</a> <a class="button"' in said
    assert "GET /api" not in said


@pytest.mark.parametrize(("file", "is_said"), [("", True), ("seed: 3\n", False)])
def test_judging_again_by_the_same_file_is_told_beforehand(monkeypatch, file, is_said):
    made = measured_product()
    app = Asked(made.world, monkeypatch)
    source = made.world.pipeline_files.read("boxes")
    made.world.pipeline_files.put("boxes.yaml", source + file)
    text = text_of(app.page(f"/api/ui/runs/{made.run.id}/do/rejudge", APPROVER))

    assert "What will happen" in text
    assert ("Nothing changed in the pipeline file" in text) == is_said

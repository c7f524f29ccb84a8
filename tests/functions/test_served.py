"""What routes answer is what they answered before: the names and values of JSON that scripts read stay."""

import json
from pathlib import Path

import msgspec
import pytest

from shared.core import served
from shared.core.run import Status
from tests.functions.populated import APPROVER, OPERATOR, READER, Asked, world_with_runs
from tests.support.product import Product, dataset

#: What the code before types of answers answered; never recorded again.
RECORDED = Path(__file__).with_name("answers.json")


@pytest.fixture(scope="module")
def answers():
    """What is asked, in order, and what is answered."""
    with pytest.MonkeyPatch.context() as patch:
        return dict(all_answers(patch))


def all_answers(patch):
    product = Product()
    product.world.datasets.put("boxes/training.jsonl", dataset(60))
    product.approve(product.until(Status.AWAITING_APPROVAL))
    deployed = product.until(Status.DEPLOYED).id
    world, ids = world_with_runs(product.world)
    app = Asked(world, patch)
    at = dict(zip(Status, ids, strict=True))
    for route in ("GET /api/runs?limit=7", "GET /api/runs?pipeline=boxes", "GET /api/pipelines/boxes"):
        yield route, app.ask(route)
    yield "GET /api/pipelines/summaries", app.ask("GET /api/pipelines/summaries")
    for role in (READER, APPROVER):
        for run_id in (deployed, *ids):
            yield f"{role} GET /api/runs/{run_id}", app.ask(f"GET /api/runs/{run_id}", role)
    for status, what in ((Status.TRAINING, "cancel"), (Status.FAILED, "retry"), (Status.FAILED, "rejudge")):
        route = f"POST /api/runs/{at[status]}/{what}"
        yield route, app.ask(route, OPERATOR)
    yield "rejudged", app.ask(f"POST /api/runs/{deployed}/rejudge", OPERATOR)
    for gate, status in (
        ("spend", Status.AWAITING_SPEND_APPROVAL),
        ("deployment", Status.AWAITING_APPROVAL),
    ):
        digest = world.runs.load(at[status])[0].gates[gate].digest
        body = {"decision": "approve", "digest": digest, "comment": "good"}
        route = f"POST /api/runs/{at[status]}/gates/{gate}"
        yield f"{route} by reader", app.ask(route, READER, body)
        yield route, app.ask(route, APPROVER, body)
        yield f"{route} again", app.ask(route, APPROVER, body)
        yield f"{route} otherwise", app.ask(route, APPROVER, body | {"decision": "reject"})
        yield f"{route} badly", app.ask(route, APPROVER, body | {"decision": "maybe"})
        shown = f"GET /api/runs/{at[status]}"
        yield f"{shown} then", app.ask(shown)
    yield "GET /api/runs/0", app.ask("GET /api/runs/0")


def without(value, recorded):
    """A value with those keys only that were recorded: more may be said than before, nothing less.

    Versions may be others, and so may remedies, which are sentences for people and may become truer.
    """
    if isinstance(value, dict) and isinstance(recorded, dict):
        known = {key: without(inner, recorded.get(key)) for key, inner in value.items() if key in recorded}
        may_differ = {"app_version"} | ({"remedy"} if known.get("remedy") else set())
        return known | {key: recorded[key] for key in may_differ & recorded.keys()}
    if isinstance(value, list) and isinstance(recorded, list) and len(value) == len(recorded):
        return [without(*both) for both in zip(value, recorded, strict=True)]
    return value


def test_what_was_answered_before_is_answered_today(answers):
    recorded = json.loads(RECORDED.read_text())

    assert answers.keys() == recorded.keys()
    for question, (status, said) in recorded.items():
        assert [answers[question][0], without(answers[question][1], said)] == [status, said], question


def answer_types():
    """Every type of an answer, and of a part of one."""
    return [
        getattr(served, name)
        for name in served.__all__
        if name not in {"Answer", "GateRequest", "WishRequest", "Said", "Time"}
    ]


@pytest.mark.parametrize("shape", answer_types(), ids=lambda shape: shape.__name__)
def test_an_answer_has_all_of_its_fields_and_no_others(shape):
    assert shape.__struct_config__.forbid_unknown_fields
    left_out = {
        f"{shape.__name__}.{field.name}" for field in msgspec.structs.fields(shape) if not field.required
    }
    assert left_out <= {"Evaluation.champion"}  # null says that there was none, so "not measured" is left out


@pytest.mark.parametrize("shape", answer_types(), ids=lambda shape: shape.__name__)
def test_nothing_is_answered_of_which_the_type_is_not_known(shape):
    def loose(node):
        if isinstance(node, msgspec.inspect.AnyType):
            return True
        parts = [getattr(node, name) for name in getattr(node, "__struct_fields__", ())]
        inner = [part for part in parts if isinstance(part, msgspec.inspect.Type)]
        inner += [part for group in parts if isinstance(group, tuple) for part in group]
        return any(loose(part) for part in inner if isinstance(part, msgspec.inspect.Type))

    for field in msgspec.inspect.type_info(shape).fields:
        assert not loose(field.type), field.name

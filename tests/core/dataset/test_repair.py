"""Repairs change how something is written, never what is meant; what cannot be repaired is put aside or refused."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.core.dataset.format import FORMATS
from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.reading.line import parse_row
from shared.core.dataset.repair import REPAIRABLE, REPAIRS
from shared.core.dataset.rules import RULES
from shared.core.dataset.summary import RowState
from shared.core.dataset.validate import prepared_rows
from shared.core.spec import MethodType
from tests.core.dataset.rows import ANSWER, CALL, TOOL, USER, chat, lines, many, validated

FUNCTION = {"name": "price", "parameters": {"type": "object"}}
OBJECT_CALL = {**CALL, "function": {"name": "price", "arguments": {"symbol": "MSFT"}}}
CASES = {
    "DS033": (chat({"role": " User", "content": "a"}, {"role": "gpt", "content": "b"}), chat({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})),
    "DS058": (
        chat(
            USER,
            {"role": "assistant", "function_call": {"name": "price", "arguments": "{}"}},
            {"role": "function", "name": "price", "content": "3"},
            ANSWER,
            functions=[FUNCTION],
        ),
        chat(
            USER,
            {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "price", "arguments": "{}"}}]},
            {"role": "tool", "content": "3", "tool_call_id": "call_1"},
            ANSWER,
            tools=[{"type": "function", "function": FUNCTION}],
        ),
    ),
    "DS054": (
        chat(USER, {"role": "assistant", "tool_calls": [OBJECT_CALL]}, tools=[TOOL]),
        chat(USER, {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "price", "arguments": '{"symbol":"MSFT"}'}}]}, tools=[TOOL]),
    ),
    "DS059": (chat(USER, {**ANSWER, "parallel_tool_calls": True}, tools=[TOOL]), chat(USER, ANSWER, tools=[TOOL], parallel_tool_calls=True)),
    "DS041": (chat({**USER, "weight": 1}, {**ANSWER, "weight": 1.0}), chat(USER, {**ANSWER, "weight": 1})),
    "DS036": (chat({"role": "system", "content": " "}, USER, ANSWER), chat(USER, ANSWER)),
    "DS048": (chat(USER, {**ANSWER, "content": " 4\n"}), chat(USER, ANSWER)),
    "DS031": (chat(USER, ANSWER, split="train"), chat(USER, ANSWER)),
}  # fmt: skip


def prepared(data, **options):
    given = Options(**options)
    found = validated(data, **options)
    rows = list(prepared_rows([data], found.files[Role.TRAINING], given))
    return found, [row for row in rows if row.state in {RowState.GOOD, RowState.REPAIRED}]


def test_every_repair_has_a_case():
    assert CASES.keys() == REPAIRS.keys()
    assert RULES.keys() >= REPAIRABLE


@pytest.mark.parametrize("code", CASES)
def test_each_repair_makes_it_right_and_says_what_it_did(code):
    bad, good = CASES[code]
    data = many(20) + lines(bad)
    found, rows = prepared(data, actions={code: Action.REPAIR})

    assert found.report.ok
    assert code not in found.report.totals
    assert json.loads(rows[-1].data) == good
    changes = found.report.changes["training.jsonl"]
    assert {(change.line, change.code) for change in changes} == {(21, code)}
    assert found.report.change_count == len(changes)
    assert all(change.what and change.path for change in changes)
    assert [row.data for row in rows[:-1]] == data.splitlines()[:-1]


@pytest.mark.parametrize("code", CASES)
def test_nothing_is_repaired_that_the_pipeline_does_not_name(code):
    data = many(20) + lines(CASES[code][0])
    found, rows = prepared(data, actions={"DS003": Action.REPAIR})

    assert found.report.change_count == 0
    assert all(row.state is RowState.GOOD for row in rows)
    assert code in found.report.totals


def test_blank_lines_and_exact_duplicates_are_left_out_and_listed():
    data = b"\xef\xbb\xbf" + many(20) + b"\n" + lines(chat(USER, ANSWER), chat(USER, ANSWER))
    found, rows = prepared(data, default_action=Action.REPAIR)

    assert len(rows) == 21
    assert not rows[0].data.startswith(b"\xef\xbb\xbf")
    assert [(c.line, c.code) for c in found.report.changes["training.jsonl"]] == [
        (21, "DS003"),
        (23, "DS007"),
    ]
    assert found.report.totals == {}
    assert found.report.files["training"].dropped_rows == 1


def test_a_row_that_is_repaired_in_one_way_may_still_be_wrong_in_another():
    bad = chat(USER, {**ANSWER, "content": " 4", "weight": 7})
    found, _ = prepared(many(20) + lines(bad), default_action=Action.REPAIR)

    assert found.report.totals == {"DS041": 1}
    assert not found.report.ok


def test_misspelt_keys_are_not_dropped():
    found, _ = prepared(many(20) + lines(chat(USER, ANSWER, tool=[TOOL])), default_action=Action.REPAIR)

    assert found.report.change_count == 0
    assert found.report.totals == {"DS031": 1}


def test_bad_rows_go_into_quarantine_with_their_reasons():
    bad = [
        b"{",
        json.dumps(chat(USER)).encode(),
        json.dumps(chat(USER, {**ANSWER, "content": "AKIAIOSFODNN7EXAMPLE"})).encode(),
    ]
    data = many(60) + b"\n".join(bad) + b"\n"
    found, rows = prepared(data, default_action=Action.QUARANTINE)
    training = found.files[Role.TRAINING]

    assert found.report.ok
    assert len(rows) == 60
    assert {row: [f.code for f in reasons] for row, reasons in training.quarantine.items()} == {
        60: ["DS011"],
        61: ["DS043"],
        62: ["DS081"],
    }
    assert found.report.files["training"].quarantined_rows == 3
    assert sum(found.plan.counts.values()) == 60
    assert (
        found.report.files["training"].content_key == validated(many(60)).report.files["training"].content_key
    )


def test_too_many_rows_in_quarantine_refuse_the_dataset():
    data = many(60) + b"{\n" * 4
    assert validated(data, default_action=Action.QUARANTINE).report.totals == {"DS092": 1}
    assert validated(data, default_action=Action.QUARANTINE, quarantine_max_share=0.07).report.ok


def test_a_row_with_an_error_that_is_to_be_rejected_is_rejected_whatever_else_is_wrong():
    bad = lines(chat({**USER, "name": "a b"}, USER))
    found = validated(many(60) + bad, default_action=Action.QUARANTINE, actions={"DS043": Action.REJECT})

    assert not found.report.ok
    assert found.report.totals == {"DS040": 1, "DS043": 1}


@pytest.mark.parametrize("code", CASES)
def test_a_repair_does_nothing_to_a_row_that_is_right(code):
    row = json.loads(json.dumps(CASES[code][1]))

    assert list(REPAIRS[code](row, FORMATS[MethodType.SUPERVISED])) == []
    assert row == CASES[code][1]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([" user", "gpt", "a ", ""]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "role", "content", "functions", "function_call", "tool_calls", "weight", "input", "function", "arguments", "parallel_tool_calls", "preferred_output"]),
            below,
            max_size=5,
        )
    ),
    max_leaves=15,
)  # fmt: skip


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["messages", "functions", "input", "preferred_output", "x"]), _JSON),
    st.sampled_from(list(MethodType)),
)
@example({"messages": [{"role": []}], "preferred_output": [{"role": {}}]}, MethodType.DPO)
def test_any_row_can_be_given_to_every_repair(row, method):
    for repair in REPAIRS.values():
        list(repair(row, FORMATS[method]))
    assert parse_row(json.dumps(row).encode()) == row


def test_a_function_result_without_its_call_is_left_as_it_is():
    data = many(20) + lines(chat(USER, {"role": "function", "name": "f", "content": "1"}, ANSWER))

    assert prepared(data, default_action=Action.REPAIR)[0].report.totals == {"DS058": 1}

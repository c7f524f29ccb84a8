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
from tests.core.dataset.rows import ANSWER, CALL, CALLING, RESULT, TOOL, USER, chat, lines, many, validated

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
    "DS099": (chat(USER, ANSWER, tools=[]), chat(USER, ANSWER)),
    "DS053": (chat(USER, {**ANSWER, "tool_calls": []}), chat(USER, ANSWER)),
    "DS034": (chat(USER, {**CALLING, "content": []}, tools=[TOOL]), chat(USER, CALLING, tools=[TOOL])),
    "DS093": (chat(USER, {**CALLING, "content": None}, tools=[TOOL]), chat(USER, CALLING, tools=[TOOL])),
    "DS101": (
        chat(USER, CALLING, {**RESULT, "content": [{"type": "text", "text": "410"}, {"type": "text", "text": "up"}]}, ANSWER, tools=[TOOL]),
        chat(USER, CALLING, {**RESULT, "content": "410\nup"}, ANSWER, tools=[TOOL]),
    ),
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


NULLS = {"name": None, "weight": None, "tool_calls": None, "tool_call_id": None, "refusal": None}
OPTIONAL = {
    "type": "object",
    "properties": {"day": {"type": "string", "default": None, "enum": None}, "hour": None},
}


@pytest.mark.parametrize(
    ("method", "bad", "good"),
    [
        (
            "supervised",
            chat({**NULLS, **USER}, {**NULLS, **ANSWER}, tools=None, functions=None, parallel_tool_calls=None, extra=None),
            chat(USER, ANSWER),
        ),
        (
            "supervised",
            chat(
                {**NULLS, **USER},
                {**NULLS, **CALLING, "content": None},
                {**NULLS, **RESULT},
                {**NULLS, **ANSWER},
                tools=[{**TOOL, "function": {"name": "price", "strict": None, "parameters": OPTIONAL}}],
            ),
            chat(
                USER,
                CALLING,
                RESULT,
                ANSWER,
                tools=[{**TOOL, "function": {"name": "price", "parameters": {"type": "object", "properties": {"day": {"type": "string", "default": None}}}}}],
            ),
        ),
        (
            "dpo",
            {"input": {**chat({**NULLS, **USER}), "tools": None}, "preferred_output": [{**NULLS, **ANSWER}], "non_preferred_output": [{**NULLS, **USER, "role": "assistant"}], "id": None},
            {"input": chat(USER), "preferred_output": [ANSWER], "non_preferred_output": [{**USER, "role": "assistant"}]},
        ),
        ("reinforcement", chat({**NULLS, **USER}, tools=None, answer=None), chat(USER, answer=None)),
    ],
)  # fmt: skip
def test_keys_with_null_count_as_absent_and_repairs_leave_them_out(method, bad, good):
    rows = [json.loads(json.dumps(bad).replace("2 + 2", f"2 + {i}")) for i in range(20)]
    as_it_is, kept = prepared(lines(*rows), method=MethodType(method))
    found, repaired = prepared(lines(*rows), method=MethodType(method), default_action=Action.REPAIR)

    assert as_it_is.report.ok
    # Content beside calls, schemas of tools; that rows made from a template are not compared.
    assert as_it_is.report.totals.keys() <= {"DS093", "DS100", "DS106"}
    assert json.loads(kept[2].data) == bad
    assert json.loads(repaired[2].data) == good
    assert found.report.totals.keys() <= {"DS100", "DS106"}
    assert found.report.files["training"].repaired_rows == 20
    assert {change.code for change in found.report.changes["training.jsonl"]} <= {"DS031", "DS093"}


def test_what_means_something_is_not_taken_for_nothing():
    args = {**CALL, "function": {"name": "price", "arguments": {"symbol": None}}}
    bad = chat(USER, {"role": "assistant", "tool_calls": [args]}, tools=[TOOL])
    found, rows = prepared(many(20) + lines(bad), default_action=Action.REPAIR)

    assert found.report.ok
    assert (
        json.loads(rows[-1].data)["messages"][1]["tool_calls"][0]["function"]["arguments"]
        == '{"symbol":null}'
    )
    missing = validated(
        many(20) + lines(chat(USER, {**ANSWER, "content": None})), default_action=Action.REPAIR
    )
    assert missing.report.totals == {"DS034": 1}


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (json.dumps('{"symbol": "MSFT"}'), '{"symbol": "MSFT"}'),
        (json.dumps(json.dumps("{}")), "{}"),
        ('"MSFT"', None),
    ],
)
def test_arguments_that_are_encoded_more_than_once_are_decoded(arguments, right):
    call = {**CALL, "function": {"name": "price", "arguments": arguments}}
    bad = chat(USER, {"role": "assistant", "tool_calls": [call]}, tools=[TOOL])
    found, rows = prepared(many(20) + lines(bad), default_action=Action.REPAIR)

    assert found.report.ok == (right is not None)
    if right is not None:
        assert json.loads(rows[-1].data)["messages"][1]["tool_calls"][0]["function"]["arguments"] == right


PAIR = {"input": chat(USER), "preferred_output": [CALLING], "non_preferred_output": [ANSWER]}


@pytest.mark.parametrize(
    ("bad", "input_"),
    [
        ({**PAIR, "tools": [TOOL]}, chat(USER, tools=[TOOL])),
        (
            {**PAIR, "tools": [TOOL], "parallel_tool_calls": False},
            chat(USER, tools=[TOOL], parallel_tool_calls=False),
        ),
        ({**PAIR, "input": chat(USER, tools=[TOOL]), "tools": [TOOL]}, chat(USER, tools=[TOOL])),
        ({**PAIR, "input": chat(USER, tools=None), "tools": [TOOL]}, chat(USER, tools=[TOOL])),
        ({**PAIR, "input": chat(USER, tools=[TOOL], mood=1), "weight": 2}, chat(USER, tools=[TOOL])),
    ],
)
def test_the_tools_of_a_preference_row_move_into_its_input(bad, input_):
    rows = [
        {**bad, "input": {**bad["input"], "messages": [{"role": "user", "content": f"{i}?"}]}}
        for i in range(20)
    ]
    found, repaired = prepared(lines(*rows), method=MethodType.DPO, default_action=Action.REPAIR)

    assert found.report.totals.keys() <= {"DS106"}  # rows made from a template
    assert json.loads(repaired[0].data) == {
        **PAIR,
        "input": {**input_, "messages": [{"role": "user", "content": "0?"}]},
    }


def test_tools_that_differ_from_those_in_the_input_stay_where_they_are():
    other = {"type": "function", "function": {"name": "volume"}}
    bad = {**PAIR, "input": chat(USER, tools=[TOOL]), "tools": [other]}
    found, rows = prepared(lines(bad), method=MethodType.DPO, default_action=Action.REPAIR)

    assert found.report.totals["DS031"] == 1
    assert json.loads(rows[0].data) == bad


def test_tools_that_stand_in_a_message_move_beside_the_messages():
    bad = chat({**USER, "tools": [TOOL]}, ANSWER)
    found, rows = prepared(many(20) + lines(bad), default_action=Action.REPAIR)

    assert found.report.totals == {}
    assert json.loads(rows[-1].data) == chat(USER, ANSWER, tools=[TOOL])


@pytest.mark.parametrize("first", [True, False])
def test_a_system_prompt_beside_the_messages_is_never_dropped(first):
    bad = lines(chat(USER, ANSWER, system="Be brief."))
    found, _ = prepared(bad + many(20) if first else many(20) + bad, default_action=Action.REPAIR)

    assert found.report.change_count == 0
    assert found.report.totals == ({"DS023": 1} if first else {"DS031": 1})
    assert "first message" in found.report.findings[0].remedy


def test_a_foreign_file_is_named_for_what_it_is_though_repairs_were_asked_for():
    turns = [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello"}]}]
    found = validated(lines(*[{"messages": turns}] * 20), default_action=Action.REPAIR)

    assert found.report.totals == {"DS023": 1}


def test_extra_keys_of_a_row_are_dropped():
    bad = chat(USER, ANSWER, weight=0.8, source_agent="qa", metadata={"k": 1})
    found, rows = prepared(many(20) + lines(bad), default_action=Action.REPAIR)

    assert found.report.totals == {}
    assert json.loads(rows[-1].data) == chat(USER, ANSWER)


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


@pytest.mark.slow
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

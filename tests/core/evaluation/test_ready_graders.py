"""Ready graders: what is right scores 1 however it is written, what is wrong scores 0 however near it looks."""

import json

import pytest

from shared.core.evaluation.answers import Answer, calls_in, message_calls, message_text
from shared.core.evaluation.graders import READY, compile_grader
from shared.core.evaluation.items import EvaluationItem, item_from_row
from shared.core.evaluation.json_match import json_by_field, same_value
from shared.core.evaluation.labels import label_match, macro_f1, normalised
from shared.core.evaluation.tool_calls import tool_names
from shared.core.pipeline.file import PipelineFileError, parse_pipeline
from tests.core.evaluation.exams import compared

LABELS = ["billing", "delivery", "account"]
INVOICE = {"vendor": "Contoso", "total": 118.5, "lines": [{"sku": "A1", "count": 2}], "paid": True}


def function(name, **arguments):
    return {"function": {"name": name, "arguments": json.dumps(arguments)}}


def calling(*calls, content=None):
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def graded(kind, message, wanted, **more):
    """The score of a message, against the message that the data has."""
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant"} | wanted]}
    answer = Answer(index=0, text=message_text(message) or None, tool_calls=message_calls(message))
    return compile_grader({"type": kind} | more).grade(item_from_row(row, "supervised", 0), answer)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("billing", 1),
        ("Billing", 1),
        ("billing.", 1),
        (" **Billing**\n", 1),
        ('"billing."', 1),
        ("`billing`", 1),
        ("billing, delivery, account", 0),
        ("The label is billing", 0),
        ("delivery", 0),
        ("bill", 0),
        (".", 0),
    ],
)
def test_a_label_is_the_same_however_it_is_written_and_no_list_of_all_labels_is(text, score):
    """W17: `ilike` gave 1 to whoever named every label, `eq` 0 for a full stop."""
    assert graded("label_match", {"content": text}, {"content": "billing"}) == score


@pytest.mark.parametrize("quoted", ["「物流」", "『物流』。", "《物流》", "〈物流〉", "„物流“", "‹物流›"])  # noqa: RUF001  # these very quotes
def test_quotes_of_other_scripts_do_not_count_either(quoted):
    assert label_match(quoted, "物流") == 1
    assert label_match("物流", quoted) == 1
    assert label_match(quoted, "退款") == 0


@pytest.mark.parametrize(
    ("one", "other"), [("A+", "A"), ("-1", "1"), ("C#", "C"), ("***", "**"), ("A*", "A"), ("no 1", "no1")]
)
def test_signs_that_tell_labels_apart_count(one, other):
    assert label_match(one, other) == 0
    assert label_match(one, one) == 1


@pytest.mark.parametrize("text", [".", '"', "**", "...", "«»", ""])
def test_a_label_of_nothing_but_marks_stays_as_it_is(text):
    assert normalised(text) == text


def test_accents_and_scripts_of_labels():
    assert label_match("CAFE\u0301。", "café") == 1
    assert label_match("配送。", "配送") == 1
    assert label_match("", "") == 0


def test_macro_f1_counts_every_label_alike():
    """Nine of ten right: but the rare label is never found."""
    always = [("a", "a")] * 9 + [("a", "b")]

    assert macro_f1(always) == pytest.approx((18 / 19 + 0) / 2)
    assert macro_f1([("A.", "a"), ("b", "b")]) == 1
    assert macro_f1([(None, "a"), ("c", "b")]) == 0
    assert macro_f1([]) == 0


@pytest.mark.parametrize(
    ("text", "score", "by_field"),
    [
        (json.dumps(INVOICE, indent=4), 1, 1),
        (json.dumps(dict(reversed(INVOICE.items()))), 1, 1),
        (json.dumps(INVOICE | {"total": 118.50}), 1, 1),
        (json.dumps(INVOICE | {"total": 185.5}), 0, 4 / 5),
        (json.dumps(INVOICE | {"paid": 1}), 0, 4 / 5),
        (json.dumps(INVOICE | {"note": "x"}), 0, 5 / 6),
        (json.dumps({"vendor": "Contoso"}), 0, 1 / 5),
        ("Here it is: " + json.dumps(INVOICE), 0, 0),
        ("[" * 100_000, 0, 0),
    ],
)
def test_json_is_compared_by_value(text, score, by_field):
    """W4: a wrong total had 0.941 by ROUGE-L, the right values formatted otherwise 0.647."""
    wanted = json.dumps(INVOICE)

    assert graded("json_match", {"content": text}, {"content": wanted}) == score
    assert json_by_field(text, wanted) == pytest.approx(by_field)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({}, [], False),
        ("é", "e\u0301", True),
        ("A", "a", False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1.0}]}, True),
        ({"a": 1}, {"b": 1}, False),
    ],
)
def test_values(one, other, same):
    assert same_value(one, other) is same
    assert same_value(other, one) is same


FLIGHT = function("book", **{"from": "Oslo", "to": "Rome", "seats": 1})
WEATHER = function("weather", city="Rome")


@pytest.mark.parametrize(
    ("message", "score", "by_name"),
    [
        (calling(FLIGHT, WEATHER), 1, 1),
        (calling(WEATHER, FLIGHT, content="One moment."), 1, 1),
        (calling(WEATHER, function("book", seats=1.0, to="Rome", **{"from": "Oslo"})), 1, 1),
        (calling(WEATHER, function("book", **{"from": "Rome", "to": "Oslo", "seats": 1})), 0, 1),
        (calling(WEATHER, function("hold", **{"from": "Oslo", "to": "Rome", "seats": 1})), 0, 1 / 2),
        (calling(FLIGHT), 0, 1 / 2),
        (calling(FLIGHT, FLIGHT, WEATHER), 0, 2 / 3),
        ({"content": "Shall I book it?"}, 0, 0),
    ],
)
def test_calls_are_compared_by_name_and_arguments_as_values(message, score, by_name):
    """W4: `from` and `to` swapped had 0.957 by ROUGE-L, another function 0.979."""
    wanted = calling(FLIGHT, WEATHER)
    texts = [json.dumps(message_calls(found)) for found in (message, wanted)]

    assert graded("tool_call_match", message, wanted) == score
    assert tool_names(*texts) == pytest.approx(by_name)


def test_a_call_that_is_not_wanted_is_wrong_and_none_where_none_is_wanted_is_right():
    asks = {"content": "Which city?"}

    assert graded("tool_call_match", calling(WEATHER), asks) == 0
    assert graded("tool_call_match", {"content": "In which town?"}, asks) == 1
    assert tool_names("[]", "[]") == 1


@pytest.mark.parametrize(("arguments", "score"), [("", 1), ("{}", 1), ("{", 0), ('{"a": 1}', 0)])
def test_a_call_without_parameters(arguments, score):
    given = calling({"function": {"name": "now", "arguments": arguments}})

    assert graded("tool_call_match", given, calling(function("now"))) == score


def test_a_text_that_looks_like_a_call_is_none():
    shown = {"content": '[{"arguments":{"city":"Rome"},"name":"weather"}]'}

    assert graded("tool_call_match", shown, calling(WEATHER)) == 0


def test_calls_of_the_form_before_tools_are_calls():
    old = {"function_call": {"name": "weather", "arguments": '{"city":"Rome"}'}}

    assert graded("tool_call_match", old, calling(WEATHER)) == 1
    assert graded("tool_call_match", calling(WEATHER), old) == 1


@pytest.mark.parametrize("content", [None, "One moment.", "[1]\nlist"])
def test_answers_of_older_releases_have_their_calls_in_the_text(content):
    message = calling(FLIGHT, WEATHER, content=content)
    stored = Answer(index=0, text=message_text(message))
    item = EvaluationItem(index=0, messages=[], reference_calls=message_calls(message))

    assert compile_grader({"type": "tool_call_match"}).grade(item, stored) == 1
    assert calls_in('[{"name": "x"}]') == calls_in("[1]") == calls_in("no") == ()


@pytest.mark.parametrize("kind", READY)
def test_no_answer_is_wrong(kind):
    item = EvaluationItem(index=0, messages=[], reference="[]", reference_calls=())

    assert compile_grader({"type": kind}).grade(item, Answer(index=0, text=None)) == 0
    assert compile_grader({"type": kind}).grade(item, Answer(index=0, text="[]", refusal="No.")) == 0


@pytest.mark.parametrize("kind", READY)
def test_the_pipeline_file_needs_the_type_only(kind):
    (taken,) = parse_pipeline(
        f"model: gpt-4.1\nevaluation: {{graders: [{{type: {kind}}}]}}\n", name="p"
    ).spec.evaluation.graders

    assert taken["name"] == taken["type"] == kind
    assert compile_grader(taken).input == taken["input"] == READY[kind].input
    assert compile_grader(taken).reference == taken["reference"] == READY[kind].reference


def test_a_ready_grader_may_read_another_field():
    text = 'model: gpt-4.1\nevaluation: {graders: [{type: label_match, name: mine, reference: "{{item.target}}"}]}\n'
    (taken,) = parse_pipeline(text, name="p").spec.evaluation.graders
    item = EvaluationItem(index=0, messages=[], fields={"target": "Yes"})

    assert taken["name"] == "mine"
    assert compile_grader(taken).grade(item, Answer(index=0, text="yes.")) == 1


@pytest.mark.parametrize(
    "wrong", ["operation: eq", "input: '{{item.reference}}'", "reference: '{{x}}'", "name: ''"]
)
def test_what_a_ready_grader_cannot_have_is_a_problem(wrong):
    with pytest.raises(PipelineFileError, match=wrong.partition(":")[0]):
        parse_pipeline(
            f"model: gpt-4.1\nevaluation: {{graders: [{{type: label_match, {wrong}}}]}}\n", name="p"
        )


def test_what_is_shown_beside_decides_nothing():
    """By field the candidate is far ahead; not one of its answers is right."""
    rows = [EvaluationItem(index=n, messages=[], reference=json.dumps(INVOICE)) for n in range(10)]
    near = json.dumps(INVOICE | {"total": 0})
    given = {
        "candidate": [Answer(index=n, text=near) for n in range(10)],
        "baseline-1": [Answer(index=n, text="{}") for n in range(10)],
    }
    result = compared(rows, given, graders=[compile_grader({"type": "json_match"})])

    assert [target.means for target in result.targets] == [
        {"json_match": 0, "json_match_by_field": 0.8},
        {"json_match": 0, "json_match_by_field": 0},
    ]
    assert result.contests[0].gain == 0


def test_macro_f1_is_shown_beside_labels():
    rows = [EvaluationItem(index=n, messages=[], reference="b" if n == 9 else "a") for n in range(10)]
    always = [Answer(index=n, text="a") for n in range(10)]
    result = compared(
        rows, {"candidate": always, "baseline-1": always}, graders=[compile_grader({"type": "label_match"})]
    )

    assert result.target("candidate").means == {"label_match": 0.9}
    assert result.target("candidate").shown == {"label_match_macro_f1": pytest.approx(9 / 19)}

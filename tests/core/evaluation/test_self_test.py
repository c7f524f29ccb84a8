"""A grader may decide alone if it tells true references from others, and near misses from both."""

import json

import msgspec
import pytest

from shared.core.evaluation.answers import Answer, message_calls, message_text
from shared.core.evaluation.evidence import Basis, decode_basis, exam_of, judge_by, score_lines
from shared.core.evaluation.graders import compile_grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.self_test import SelfTest, chance_of, self_test
from tests.core.evaluation.exams import LOOK, PLAIN, exam

LABELS = ["billing", "delivery", "account", "hardware"]


def texts(*references):
    return [EvaluationItem(index=n, messages=[], reference=text) for n, text in enumerate(references)]


def checking(operation="eq", **more):
    return compile_grader(
        {
            "type": "string_check",
            "name": "check",
            "operation": operation,
            "input": "{{sample.output_text}}",
            "reference": "{{item.reference}}",
        }
        | more
    )


def similar(metric="rouge_l"):
    return checking(type="text_similarity", evaluation_metric=metric)


def invoices(count=20):
    return texts(
        *(json.dumps({"vendor": f"v{n}", "total": n * 1.5, "paid": n % 2 == 0}) for n in range(count))
    )


def flights(count=20):
    found = []
    for n in range(count):
        arguments = json.dumps({"from": f"a{n}", "to": f"b{n}"})
        message = {"tool_calls": [{"function": {"name": "book", "arguments": arguments}}]}
        found.append(
            EvaluationItem(
                index=n, messages=[], reference=message_text(message), reference_calls=message_calls(message)
            )
        )
    return found


SENTENCES = texts(*(f"The code of box {n} is {n * 7919 % 1000}." for n in range(20)))


@pytest.mark.parametrize(
    ("grader", "items", "kinds"),
    [
        (
            compile_grader({"type": "label_match"}),
            texts(*LABELS * 5),
            {"another label", "every label at once"},
        ),
        (checking(), texts(*LABELS * 5), {"another label", "every label at once"}),
        (compile_grader({"type": "json_match"}), invoices(), {"one wrong value"}),
        (
            compile_grader({"type": "json_match"}).beside[0],
            invoices(),
            {"one wrong value"},
        ),
        (
            compile_grader({"type": "tool_call_match"}),
            flights(),
            {"another function", "two arguments swapped"},
        ),
        (checking(), SENTENCES, {"another number"}),
    ],
)
def test_graders_that_compare_values_pass(grader, items, kinds):
    shown = self_test(grader, items)

    assert shown.passed, shown.reason
    assert shown.p < 0.01
    assert {miss.kind for miss in shown.near_misses} == kinds
    assert all(miss.mean <= miss.allowed for miss in shown.near_misses)


@pytest.mark.parametrize(
    ("grader", "items", "why"),
    [
        (similar(), flights(), "another function scores 0.97"),
        (similar(), invoices(), "compares wording"),
        (similar(), SENTENCES, "another number"),
        (similar(), texts(*LABELS * 5), "compares wording"),
        (checking(type="text_similarity", evaluation_metric="fuzzy_match"), flights(), "compares wording"),
        (checking("ilike"), texts(*LABELS * 5), "every label at once 1.000"),
        (checking("ne"), texts(*LABELS * 5), "do not score above"),
        (checking(reference="billing"), texts(*LABELS * 5), "do not score above"),
        (compile_grader({"type": "tool_call_match"}).beside[0], flights(), "do not score above"),
        (compile_grader({"type": "label_match"}), texts("a", "b", "a", "b"), "do not score above"),
        (compile_grader({"type": "label_match"}), texts(*["a"] * 50), "do not score above"),
        (checking(reference="{{item.none}}"), SENTENCES, "no held-out example"),
        (checking(), [], "no held-out example"),
        (checking(), texts("one"), "do not score above"),
    ],
)
def test_graders_that_see_no_difference_do_not(grader, items, why):
    shown = self_test(grader, items)

    assert not shown.passed
    assert why in shown.reason


def test_what_offers_no_near_miss_has_not_passed():
    shown = self_test(compile_grader({"type": "json_match"}), texts(*["[]", "{}"] * 20))

    assert shown.p < 0.01
    assert (shown.passed, shown.near_misses) == (False, ())
    assert "no near misses" in shown.reason


def test_words_beside_calls_are_not_judged_by_calls():
    """Half of the answers are words, which a comparison of calls does not see: it must not decide alone."""
    words = [
        EvaluationItem(
            index=20 + n, messages=[], reference=f"I cannot book seat {n} for you.", reference_calls=()
        )
        for n in range(20)
    ]
    shown = self_test(compile_grader({"type": "tool_call_match"}), flights() + words)

    assert not shown.passed
    assert "another number 1.000" in shown.reason


def test_one_odd_row_does_not_fail_a_grader():
    odd = EvaluationItem(index=40, messages=[], reference="I cannot book seat 7.", reference_calls=())

    assert self_test(compile_grader({"type": "tool_call_match"}), [*flights(40), odd]).passed


TARGETS = [EvaluationItem(index=n, messages=[], fields={"target": str(n)}) for n in range(20)]


def answered(right):
    return [Answer(index=n, text=str(n if n % 10 < right else -1)) for n in range(20)]


@pytest.mark.parametrize(("right", "passed"), [(10, True), (4, True), (0, False)])
def test_rows_without_references_are_tested_by_the_answers(right, passed):
    grader = checking(reference="{{item.target}}")
    before = self_test(grader, TARGETS)
    after = self_test(grader, TARGETS, answers=[answered(right), answered(0)])

    assert (before.passed, before.p) == (False, None)
    assert "once there are answers" in before.reason
    assert after.passed is passed
    assert [miss.kind for miss in after.near_misses] == ["answers to other examples"]


def test_a_grader_that_every_answer_pleases_fails_by_answers_too():
    shown = self_test(checking("ne", reference="{{item.target}}"), TARGETS, answers=[answered(10)])

    assert not shown.passed


def test_the_test_is_the_same_again_and_another_seed_changes_little():
    first, again, other = (self_test(checking(), SENTENCES, seed) for seed in (1, 1, 2))

    assert first == again
    assert other.passed


def test_answers_that_do_not_depend_on_the_question_are_chance():
    """A model trained on shuffled labels is right in a quarter of the cases, and beats one that knows no label."""
    items = texts(*LABELS * 30)
    grader = compile_grader({"type": "label_match"})
    known = [Answer(index=n, text=LABELS[n % 4] if n % 3 else LABELS[0]) for n in range(120)]
    shuffled = [Answer(index=n, text=LABELS[n * n * 7919 % 101 % 4]) for n in range(120)]
    constant = [Answer(index=n, text=LABELS[0]) for n in range(120)]
    silent = [Answer(index=n, text=None) for n in range(120)]

    assert chance_of(grader, items, known) < 0.01
    assert chance_of(grader, items, shuffled) > 0.01
    assert chance_of(grader, items, constant) == 1
    assert chance_of(grader, items, silent) is None


FAILED = SelfTest(grader="exact", passed=False, reason="wrong answers score high", p=0.001)


@pytest.mark.parametrize(
    ("more", "outcome", "doubts"),
    [
        ({}, "better", []),
        ({"self_test": msgspec.structs.replace(FAILED, passed=True)}, "better", []),
        ({"self_test": FAILED}, "better", ["exact has not passed its self-test: wrong answers score high"]),
        ({"self_test": FAILED, "is_similarity": True}, "better", ["exact compares wording"]),
        ({"chance": 0.001}, "better", []),
        ({"chance": 0.01}, "better", ["handed out at random (p 0.01)"]),
        ({"undecided": "Nothing decides."}, "unproven", []),
    ],
)
def test_what_is_known_of_a_grader_is_part_of_the_evidence(more, outcome, doubts):
    """The app and `compare --evidence` read the same basis, and find the same doubts."""
    made = exam([1.0] * 80, [0.0] * 80)
    basis = Basis(
        metric="exact",
        labels=dict(made.labels),
        skipped=(),
        rule=PLAIN,
        look=LOOK,
        app_version="0.0.0",
        **{"is_similarity": False} | more,
    )
    verdict = judge_by(made, basis)
    again = judge_by(exam_of(score_lines(made), basis.labels), decode_basis(msgspec.json.encode(basis)))

    assert again == verdict
    assert verdict.outcome == outcome
    assert len(verdict.doubts) == len(doubts)
    assert all(part in doubt for part, doubt in zip(doubts, verdict.doubts, strict=True))


def test_guessing_scores_what_references_of_other_examples_do():
    assert self_test(compile_grader({"type": "label_match"}), texts(*LABELS * 5)).chance == pytest.approx(
        4 / 19, abs=1e-6
    )
    assert self_test(checking("ne"), texts(*LABELS * 5)).chance == pytest.approx(15 / 19, abs=1e-6)
    assert self_test(checking(), texts("alone")).chance is None


def test_a_test_that_needs_answers_says_that_it_is_early():
    fields = [EvaluationItem(index=n, messages=[], fields={"target": LABELS[n % 4]}) for n in range(20)]
    grader = checking(reference="{{item.target}}")
    answers = [Answer(index=n, text=LABELS[n % 4]) for n in range(20)]

    assert self_test(grader, fields).is_early
    assert not self_test(grader, fields, answers=[answers]).is_early
    assert not self_test(checking(), texts(*LABELS * 5)).is_early


class Counting:
    """A grader that counts what it is given, and likes what is equal."""

    name, is_similarity = "counting", False

    def __init__(self):
        self.compared, self.chars = 0, 0

    def missing(self, item):
        del item
        return ()

    def grade(self, item, answer):
        self.chars += len(item.reference or "")
        return float(item.reference == answer.text)

    def of_every_pair(self, items, answers):
        self.compared = len(items)
        return [[float(item.reference == answer.text) for answer in answers] for item in items]


@pytest.mark.parametrize(("chars", "compared"), [(100, 30), (20_000, 4), (24_000, 4)])
def test_what_is_compared_with_each_other_is_bounded_by_its_characters(chars, compared):
    """The time for most measures grows with the square: 50 references of 100,000 characters took minutes."""
    grader = Counting()
    self_test(grader, texts(*(f"{n} " + "word " * (chars // 5) for n in range(50))))

    assert grader.compared == compared
    assert grader.chars <= 10 * 200_000  # some near misses of each


def test_examples_that_are_all_too_long_test_nothing_and_decide_nothing():
    grader = Counting()
    tested = self_test(grader, texts(*(f"{n} " + "word " * 6_000 for n in range(20))))

    assert (tested.passed, grader.compared) == (False, 0)
    assert "all held-out examples have more than 25,000 characters" in tested.reason
    mixed = texts(*["word " * 6_000] * 5, *(f"short {n}" for n in range(20)))
    self_test(grader, mixed)
    assert grader.compared == 20


def test_answers_that_are_handed_out_at_random_are_bounded_too():
    grader, items = Counting(), texts(*(f"{n}" for n in range(50)))
    chance_of(grader, items, [Answer(index=n, text="word " * 4_000) for n in range(50)])

    assert grader.compared == 9

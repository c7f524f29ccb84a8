"""A mean gain that breaks one class is the regret heard most: slices are named, shown, and may be limited."""

import random

import pytest

from shared.core.dataset.rules.sets import LABEL_CHARS_MAX
from shared.core.evaluation.contest import CANDIDATE, Exam, contest_of
from shared.core.evaluation.exact import gain_at_least
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.slices import slices_of
from shared.core.evaluation.verdict import Outcome, judge
from tests.core.evaluation.exams import LOOK, PLAIN, exam, rule, score


def item(prompt, reference="yes", index=0):
    return EvaluationItem(index=index, messages=[{"role": "user", "content": prompt}], reference=reference)


def sliced(parts, *, groups=None):
    """An exam of parts: name -> marks of the candidate and of the baseline."""
    names, ours, theirs = [], [], []
    for name, (mine, other) in parts.items():
        names += [(name,)] * len(mine)
        ours += mine
        theirs += other
    made = exam(ours, theirs, groups=groups)
    return Exam(groups=made.groups, labels=made.labels, scores=made.scores, slices=names)


class TestNames:
    def test_labels_are_slices_whatever_their_case(self):
        labels = ["Billing", "billing ", "Delivery"] * 10
        found = slices_of([item("same", label) for label in labels])

        assert {names[0] for names in found} == {"label billing", "label delivery"}

    @pytest.mark.parametrize(
        "references", [["only"] * 30, [f"text {n}" for n in range(30)], ["a", "b"] * 5, ["a", None] * 20]
    )
    def test_what_does_not_repeat_or_is_one_only_is_no_label(self, references):
        assert slices_of([item("same", reference) for reference in references]) == [()] * len(references)

    def test_prompts_are_in_thirds_of_their_length(self):
        found = [name for (name,) in slices_of([item("x" * n) for n in range(1, 31)])]

        assert [found.count(name) for name in dict.fromkeys(found)] == [10, 10, 10]
        assert list(dict.fromkeys(found)) == [
            "prompts of up to 10 characters",
            "prompts of 11 to 20 characters",
            "prompts of more than 20 characters",
        ]

    def test_prompts_of_one_length_are_in_one_third(self):
        found = slices_of([item("x" * n) for n in [5] * 28 + [90, 90]])

        assert len(set(found[:28])) == 1
        assert len(set(found)) == 2

    def test_scripts_are_those_of_the_question(self):
        texts = ["Good day", "Добрый день", "今日は良い天気", "नमस्ते दुनिया", "12345"]
        items = [
            EvaluationItem(
                index=n,
                messages=[
                    {"role": "system", "content": "Be brief, always."},
                    {"role": "user", "content": text},
                ],
            )
            for n, text in enumerate(texts)
        ]
        found = [names[-1] for names in slices_of(items)]

        assert found == ["script Latin", "script Cyrillic", "script Cjk", "script Devanagari", "script none"]

    @pytest.mark.parametrize(
        ("text", "script"),
        [
            ("Привет, OK", "Cyrillic"),
            ("Привет world", "Cyrillic"),  # six of each are no majority: the first name counts
            ("OK, Привет", "Cyrillic"),
            ("Добрый day to you all", "Latin"),
            ("Straße, Ærø", "Latin"),
            ("\u02b0\u02b0\u02b0 ab", "Modifier"),
            ("カタカナ-日", "Katakana"),
            ("가나다", "Hangul"),
            ("x" * 1000 + "я" * 2000, "Latin"),  # a sample of the beginning is enough
        ],
    )
    def test_the_script_of_most_letters_counts(self, text, script):
        assert slices_of([item(text), item("1" * len(text))])[0] == (f"script {script}",)

    def test_an_item_without_messages_has_no_script(self):
        empty = EvaluationItem(index=0, messages=[], reference="yes")

        assert [names[-1] for names in slices_of([empty, item("ok")])] == ["script none", "script Latin"]

    def test_labels_are_short_and_their_blanks_are_one(self):
        longest = "l" * LABEL_CHARS_MAX
        found = slices_of([item("same", label) for label in [longest, "two \t words"] * 20])

        assert found[:2] == [(f"label {longest}",), ("label two words",)]
        assert slices_of([item("same", label) for label in [longest + "l", "two"] * 20]) == [()] * 40

    def test_nothing_has_no_slices(self):
        assert slices_of([]) == []


class TestGains:
    def test_the_bounds_are_those_of_the_contest_at_the_error_of_so_many_slices(self):
        parts = {"a": ([1.0] * 12, [0.0] * 12), "b": ([0.0] * 10, [1.0] * 10), "c": ([1.0] * 3, [0.0] * 3)}
        worst, best, small = contest_of(sliced(parts), "baseline-1", PLAIN, LOOK).slices

        assert (worst.name, best.name, small.name) == ("b", "a", "c")
        assert (worst.is_large, small.is_large) == (True, False)
        assert worst.upper_bound == pytest.approx(-gain_at_least(10, 0, 10, 0.025))
        assert best.lower_bound == pytest.approx(gain_at_least(12, 0, 12, 0.025))
        assert worst.lower_bound == worst.gain == -1.0 < worst.upper_bound < 0

    def test_slices_are_of_groups_and_of_what_is_compared(self):
        made = sliced({"a": (["1 known"] * 4 + [1.0] * 24, [0.0] * 28)}, groups=[n // 2 for n in range(28)])
        (found,) = contest_of(made, "baseline-1", PLAIN, LOOK).slices

        assert found.groups == 12

    def test_an_answer_that_the_baseline_owes_shows_no_loss(self):
        made = sliced({"a": ([0.0] * 20, [None] * 20), "b": ([1.0] * 80, [0.0] * 80)})
        (worst, _) = contest_of(made, "baseline-1", rule(max_slice_loss=0.1), LOOK).slices

        assert worst.gain == -1.0
        assert worst.upper_bound >= -0.1
        assert judge(made, rule(max_slice_loss=0.1), LOOK, metric="m").outcome is Outcome.BETTER

    def test_the_order_of_the_items_does_not_count(self):
        rng = random.Random(1)
        marks = [(rng.random(), rng.random(), rng.choice("abc")) for _ in range(90)]

        def found(rows):
            made = exam([row[0] for row in rows], [row[1] for row in rows])
            made = Exam(
                groups=made.groups, labels=made.labels, scores=made.scores, slices=[(row[2],) for row in rows]
            )
            return contest_of(made, "baseline-1", PLAIN, LOOK).slices

        assert found(marks) == found(sorted(marks))


BROKEN = {"label a": ([1.0] * 80, [0.0] * 80), "label b": ([0.0] * 15, [1.0] * 15)}


class TestTheLimit:
    def test_a_mean_gain_that_breaks_one_class_is_not_better(self):
        without, within = (
            judge(sliced(BROKEN), by, LOOK, metric="m") for by in (PLAIN, rule(max_slice_loss=0.2))
        )

        assert without.outcome is Outcome.BETTER
        assert within.outcome is Outcome.NOT_BETTER
        assert "On label b (15 groups) it loses: gain -1.000, at most -0." in within.reason
        assert within.reason.endswith("a loss of at most 0.2 is allowed in a slice.")

    def test_a_loss_that_is_not_shown_refuses_nobody(self):
        few = {**BROKEN, "label b": ([0.0] * 9, [1.0] * 9)}
        slight = {**BROKEN, "label b": ([0.0] * 2 + [1.0] * 13, [1.0] * 15)}

        for parts in (few, slight):
            assert judge(sliced(parts), rule(max_slice_loss=0.0), LOOK, metric="m").outcome is Outcome.BETTER

    def test_a_loss_that_is_shown_and_allowed_is_no_objection(self):
        parts = {"a": ([0.3] * 40, [0.5] * 40), "b": ([1.0] * 90, [0.0] * 90)}
        lost = contest_of(sliced(parts), "baseline-1", PLAIN, LOOK).slices[0]

        assert lost.upper_bound == pytest.approx(-0.2)
        for allowed, outcome in (
            (0.19, Outcome.NOT_BETTER),
            (-lost.upper_bound, Outcome.BETTER),
            (0.4, Outcome.BETTER),
        ):
            assert judge(sliced(parts), rule(max_slice_loss=allowed), LOOK, metric="m").outcome is outcome

    @pytest.mark.slow
    @pytest.mark.no_cover
    def test_equal_models_are_seldom_refused(self):
        """As a point estimate it would refuse most of them; here a share of 1 - confidence at most, of all slices at once."""
        rng, refused = random.Random(7), 0
        for _ in range(60):
            ours, theirs = ([float(rng.random() < 0.8) for _ in range(120)] for _ in "ab")
            made = exam(ours, theirs)
            names = [(f"label {n % 4}", f"third {n % 3}") for n in range(120)]
            made = Exam(groups=made.groups, labels=made.labels, scores=made.scores, slices=names)
            gains = contest_of(made, "baseline-1", PLAIN, LOOK, is_planning=False).slices
            refused += any(one.is_large and one.upper_bound < 0 for one in gains)

        assert refused <= 60 * 0.05 * 1.3 + 2 * (60 * 0.05 * 0.95) ** 0.5


class TestMustPass:
    @staticmethod
    def judged(*marks, must_pass, not_asked=(), theirs=None):
        made = exam([*marks, *[1.0] * 30], [*(theirs or [0.0] * len(marks)), *[0.0] * 30])
        made = Exam(groups=made.groups, labels=made.labels, scores=made.scores, must_pass=must_pass)
        return judge(made, PLAIN, LOOK, metric="m", not_asked=not_asked)

    @pytest.mark.parametrize("mark", [0.0, 0.49, None])
    def test_one_that_is_failed_is_not_better_and_named(self, mark):
        found = self.judged(mark, 1.0, must_pass={0: 17, 1: 3})

        assert found.outcome is Outcome.NOT_BETTER
        assert found.reason == "The candidate fails line 17 of evaluation.set, which it must pass."

    @pytest.mark.parametrize("mark", [0.5, 1.0])
    def test_half_is_enough(self, mark):
        assert self.judged(mark, must_pass={0: 17}).outcome is Outcome.BETTER

    def test_others_may_be_failed(self):
        assert self.judged(0.0, 1.0, must_pass={1: 3}).outcome is Outcome.BETTER

    def test_several_are_named_in_order(self):
        assert "fails lines 3, 17 of" in self.judged(0.0, 0.0, must_pass={0: 17, 1: 3}).reason

    @pytest.mark.parametrize(
        ("mark", "more", "words"),
        [
            ("1 known", {}, "Line 17 of evaluation.set must be passed, and is left out"),
            ("0 known", {}, "is left out"),
            (1.0, {"theirs": ["0 known"]}, "is left out"),
            ("ungradable", {"theirs": ["ungradable"]}, "cannot be graded"),
            (1.0, {"not_asked": (4,)}, "Line 4 of evaluation.set must be passed, and was not asked."),
        ],
    )
    def test_what_is_not_shown_is_unproven(self, mark, more, words):
        found = self.judged(mark, must_pass={0: 17}, **more)

        assert found.outcome is Outcome.UNPROVEN
        assert words in found.reason

    def test_a_candidate_that_lost_anyway_has_lost(self):
        made = exam(["1 known", *[0.0] * 30], [0.0, *[1.0] * 30])
        made = Exam(groups=made.groups, labels=made.labels, scores=made.scores, must_pass={0: 17})

        assert judge(made, PLAIN, LOOK, metric="m").outcome is Outcome.NOT_BETTER

    def test_without_any_nothing_changes(self):
        assert score(1.0).value == 1.0
        assert exam([1.0], [0.0]).must_pass == {}
        assert CANDIDATE in exam([1.0], [0.0]).scores

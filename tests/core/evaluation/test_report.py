"""The report in its four forms: the numbers are the same everywhere, and what people see first comes first."""

import csv
import io
import re
from xml.etree import ElementTree as ET

import msgspec
import pytest

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.measured import Interval
from shared.core.evaluation.plot import Differences, differences_of, to_svg
from shared.core.evaluation.render import to_csv, to_markdown
from tests.core.evaluation.exams import answers, compared, items, rule

SVG = "{http://www.w3.org/2000/svg}"


def answered(marks, *, prompt, ms):
    """Answers with all that a service says; None was refused."""
    return [
        Answer(
            index=n,
            text=None if mark is None else "yes" if mark else "no",
            refusal="I cannot." if mark is None else None,
            finish_reason="stop",
            prompt_tokens=prompt + n,
            completion_tokens=10,
            cached_tokens=0,
            reasoning_tokens=4,
            latency_ms=ms + n,
        )
        for n, mark in enumerate(marks)
    ]


@pytest.fixture(scope="module")
def result():
    """Twenty examples in fifteen groups: one severe regression, one refusal, one example that the champion knows."""
    ours = [1] * 14 + [None, 0] + [1] * 4
    theirs = [0] * 10 + [1] * 5 + [1] + [0, 1, 0, 0]
    given = {
        "candidate": answered(ours, prompt=100, ms=300),
        "baseline-1": answered(theirs, prompt=1000, ms=800),
        "baseline-2": answers([0] * 20),
    }
    groups = [n // 2 if n < 10 else n for n in range(20)]
    labels = {"candidate": "candidate", "baseline-1": "champion", "baseline-2": "=cmd <b>"}
    return compared(items(20), given, groups=groups, labels=labels, known={"baseline-1": {19}})


def at(page, words):
    assert page.count(words) >= 1, words
    return page.index(words)


def test_the_page_says_first_what_decides(result):
    page = to_markdown(result)
    order = [
        *(
            "# The candidate is",
            "**task accuracy** (exact, decides)",
            "prompt length, tokens",
            "cost of 1,000 requests",
        ),
        *("latency p95", "against 0.", "20 held-out examples in 15 groups", "Look 1 of this evaluation set"),
        *("without an answer: candidate 1 (refused 1)", "the smallest gain that could be seen is about +0."),
        *(
            "## Groups that lose 0.5 or more to champion",
            "## Worst slice",
            "## Details",
            "![Differences of the groups]",
        ),
        *("what became of the questions", "## Biggest wins over champion"),
    ]
    places = [at(page, words) for words in order]

    assert places == sorted(places)


def test_the_page_shows_the_numbers_of_the_data(result):
    page, (champion, other) = to_markdown(result), result.measured
    accuracy, prompt, _, _, reasoning = champion.measures[:5]
    form = "{0.value:{1}} ({0.low:{1}} to {0.high:{1}})".format

    assert champion.baseline == result.contests[0].baseline == "baseline-1"
    first = page[: page.index("Means over groups")].splitlines()
    (shown,) = [line for line in first if "task accuracy" in line and form(accuracy.baseline, ",.3f") in line]
    assert f"| {form(accuracy.candidate, ',.3f')} | {form(accuracy.difference, '+,.3f')} |" in shown
    assert any(form(prompt.difference, "+,.1f") in line for line in first)
    assert f"| of these reasoning | {form(reasoning.baseline, ',.1f')} |" in page
    assert page.count("| cost of 1,000 requests | unknown | unknown | unknown |") == 2
    assert f"{other.smallest_gain:+.3f}" in page
    assert "| latency p50, ms | unknown | unknown | unknown |" in page  # nobody timed baseline-2


def test_severe_regressions_are_on_the_page_as_in_the_data(result):
    page = to_markdown(result)
    severe = result.measured[0].severe

    assert [(group.gain, group.examples) for group in severe] == [(-1.0, (14,)), (-1.0, (15,))]
    assert len(severe) == result.contests[0].severe.count
    for group in severe:
        assert all(f"| {group.group} | {group.gain:+.3f} | {index} |" in page for index in group.examples)


def test_the_table_for_spreadsheets_has_the_marks_and_both_scores(result):
    lines = list(csv.DictReader(io.StringIO(to_csv(result))))
    by_key = {(int(line["example"]), line["target"]): line for line in lines}

    assert len(by_key) == len(lines) == 60
    for row in result.rows:
        for target in ("candidate", "baseline-1", "baseline-2"):
            line = by_key[row.index, target]
            assert float(line["exact"]) == row.scores[target]["exact"]
            assert float(line["candidate score"]) == row.scores["candidate"]["exact"]
            assert (line["outcome"], line["group"]) == (row.outcomes[target], row.group)
            assert line["slices"] == "; ".join(row.slices)
            assert bool(line["left out"]) is (target in row.known_to)
    assert by_key[14, "candidate"]["outcome"] == "refused"
    assert by_key[19, "baseline-1"]["left out"] == "left out"
    assert by_key[19, "candidate"]["left out"] == ""


def test_lines_that_must_be_passed_are_marked(result):
    row = msgspec.structs.replace(result.rows[0], must_pass=7)
    shown = msgspec.structs.replace(result, rows=(row,))
    (line, *_) = csv.DictReader(io.StringIO(to_csv(shown)))

    assert line["must pass"] == "line 7"


def test_names_of_slices_and_groups_stay_text_in_spreadsheets(result):
    row = msgspec.structs.replace(result.rows[0], slices=("=1+1",), group="@cmd")
    (line, *_) = csv.DictReader(io.StringIO(to_csv(msgspec.structs.replace(result, rows=(row,)))))

    assert (line["slices"], line["group"]) == ("'=1+1", "'@cmd")


def test_a_candidate_alone_has_a_table_and_no_picture():
    page = to_markdown(compared(items(6), {"candidate": answers([1] * 6)}))

    assert "| | candidate |" in page
    assert "| **task accuracy** (exact, decides) | 1.000 (0.607 to 1.000) |" in page
    assert "comparison.svg" not in page


# -- the picture -------------------------------------------------------------------------------------------------------------


def drawn(values, title="a against b", gain=None):
    shown = Differences(
        title=title,
        values=sorted(values),
        gain=gain or Interval(value=0.1, low=0.05, high=0.2),
        confidence=0.95,
    )
    return ET.fromstring(to_svg([shown]))


def dots(tree):
    return [(float(dot.get("cx")), float(dot.get("cy"))) for dot in tree.iter(f"{SVG}circle")]


def test_the_picture_has_a_contest_below_the_other_each_with_the_numbers_of_the_data(result):
    svg = to_svg(differences_of(result))
    tree = ET.fromstring(svg)
    texts = "\n".join(text.text for text in tree.iter(f"{SVG}text"))

    assert (tree.get("role"), tree.get("viewBox")) == ("img", "0 0 640 520")
    for part, contest in zip(result.measured, result.contests, strict=True):
        counts = f"{contest.groups} groups: {contest.wins} higher, {contest.losses} lower"
        gain = part.measures[0].difference
        assert counts in texts
        assert (
            f"gain {contest.gain:+.3f}, {contest.lower_bound:+.3f} to {gain.high:+.3f} (95% at each end)"
            in texts
        )
        assert counts in tree.find(f"{SVG}desc").text
    assert len(dots(tree)) == sum(contest.groups for contest in result.contests)


def test_dots_go_from_the_worst_to_the_best_and_upwards():
    places = dots(drawn([0.5, -1, 0, 0.25]))

    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)


def test_losses_differ_from_wins_by_more_than_colour():
    fills = [dot.get("fill") for dot in drawn([-1, 1]).iter(f"{SVG}circle")]

    assert fills[0] == "#ffffff"
    assert fills[1] != "#ffffff"


def test_small_differences_are_drawn_large():
    (small,) = dots(drawn([0.1], gain=Interval(value=0.1)))
    (large,) = dots(drawn([1.0], gain=Interval(value=1.0)))

    assert small == large


def test_of_very_many_groups_300_are_drawn_with_both_ends():
    places = dots(drawn([n / 1000 for n in range(-500, 501)]))
    few = dots(drawn([-0.5, 0.5]))

    assert len(places) == 300
    assert (places[0][1], places[-1][1]) == (few[0][1], few[1][1])


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "a\x00b\x1b", "&quot;\" onload='x'", "\ud800", "x" * 5000]
)
def test_names_stay_text_in_the_picture(title):
    tree = drawn([0.1, 0.2], title=title)
    names = {element.tag.removeprefix(SVG) for element in tree.iter()}

    assert names <= {"svg", "title", "desc", "rect", "g", "text", "line", "circle"}
    assert not [
        key for element in tree.iter() for key in element.attrib if key.startswith("on") or "href" in key
    ]
    assert max(len(text.text) for text in tree.iter(f"{SVG}text")) < 120


def test_nothing_in_the_picture_comes_from_elsewhere(result):
    svg = to_svg(differences_of(result))

    assert not re.search(r"href|url\(|<style|style=|@import|<!", svg)
    assert svg.count("http") == 1  # the name of the format
    svg.encode()


def test_a_comparison_with_nobody_is_a_picture_too():
    assert "No baseline was compared." in to_svg(
        differences_of(compared(items(6), {"candidate": answers([1] * 6)}))
    )


def test_an_interval_without_ends_is_not_drawn():
    tree = drawn([0.1, 0.2], gain=Interval(value=0.15))

    assert len(list(tree.iter(f"{SVG}rect"))) == 1
    assert len(list(drawn([0.1, 0.2]).iter(f"{SVG}rect"))) == 2


def test_a_rule_that_accepts_a_loss_counts_its_own_pairs():
    given = {"candidate": answers([1] * 9 + [None]), "baseline-1": answers([1] * 9 + [None])}
    result = compared(items(10), given, by=rule(not_worse_by=0.4))

    assert len(result.measured[0].gains) == result.contests[0].groups == 9

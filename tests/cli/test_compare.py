"""`compare`: the verdict of the app, from files of scores."""

import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from shared.core.pipeline.file import parse_pipeline

ROOT = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path):
    """Writes a file of scores: values, or whole lines; its path."""

    def made(name, values, groups=None):
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [value if isinstance(value, dict) else line(n, value) for n, value in enumerate(values)]
        for n, group in enumerate(groups or []):
            lines[n]["group"] = group
        path.write_text("".join(json.dumps(each) + "\n" for each in lines))
        return path

    return made


@pytest.fixture
def judged(run, write):
    """The result as JSON, of values or of files."""

    def call(candidate, *baselines, options=(), groups=None):
        files = [
            given if isinstance(given, Path) else write(f"side-{n}", given, groups)
            for n, given in enumerate([candidate, *baselines])
        ]
        named = [part for file in files[1:] for part in ("--baseline", file)]
        code, out, err = run("compare", "--candidate", files[0], *named, *options, "--format", "json")
        assert err == "", err
        result = json.loads(out)
        assert code == (0 if result["verdict"] in {"better", "as_good"} else 1)
        return result

    return call


def line(index, score, **more):
    return {"index": index, "score": score} | ({"outcome": "failed"} if score is None else {}) | more


# -- right values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "least", "most"), [(5, 0.0, 0.099), (10, 0.2, 0.482), (20, 0.5, 0.722), (60, 0.8, 0.903)]
)
def test_all_won_gives_a_bound_that_so_many_can_give(judged, count, least, most):
    result = judged([1] * count, [0] * count)
    (contest,) = result["contests"]

    assert result["verdict"] == "better"
    assert least < contest["lower_bound"] <= most
    assert (contest["n"], contest["groups"], contest["wins"], contest["losses"]) == (count, count, count, 0)
    assert (contest["gain"], contest["p"]) == (1.0, pytest.approx(0.5**count, rel=1e-9))


def test_the_keys_are_those_that_programs_rely_on(judged):
    result = judged([1] * 5, [0] * 5)

    assert list(result) == ["verdict", "reason", "contests"]
    assert set(result["contests"][0]) >= {
        *("baseline", "n", "groups", "wins", "losses", "gain", "lower_bound", "safe_bound", "p"),
        *("missing", "severe", "needed"),
    }
    assert result["contests"][0]["missing"] == {"candidate": 0, "baseline": 0}
    assert set(result["contests"][0]["severe"]) == {"count", "upper_bound"}


def test_three_wins_of_ten_are_chance(judged):
    result = judged([1] * 3 + [0] * 7, [0] * 10)

    assert result["verdict"] == "not_better"
    assert result["contests"][0]["p"] == 0.125


def test_an_answer_that_the_baseline_was_not_let_give_is_no_win(judged):
    filtered = [line(n, None, outcome="filtered") for n in range(5)]
    right, wrong = [line(n, 1) for n in range(5, 40)], [line(n, 0) for n in range(40, 50)]
    result = judged([1] * 40 + [0] * 10, filtered + right + wrong)
    (contest,) = result["contests"]

    assert result["verdict"] == "not_better"
    assert contest["missing"] == {"candidate": 0, "baseline": 5}
    assert contest["gain"] == 0.0
    assert contest["complete_bound"] <= 0


@pytest.mark.thorough
@pytest.mark.no_cover
@pytest.mark.parametrize("values", ["counts", "shares"])
def test_the_order_of_lines_changes_no_byte(run, write, values):
    draw = random.Random(7)
    some = [0, 1] if values == "counts" else [0.1, 0.25, 0.7, 0.9]
    ours = [line(n, draw.choice(some), group=f"g{n % 30}") for n in range(50)]
    theirs = [line(n, draw.choice(some)) for n in range(50)]
    seen = set()
    for seed in range(300 if values == "counts" else 20):
        for lines in (ours, theirs):
            random.Random(seed).shuffle(lines)
        files = write("ours", ours), write("theirs", theirs)
        seen.add(run("compare", "--candidate", files[0], "--baseline", files[1], "--format", "json"))

    assert len(seen) == 1


@pytest.mark.parametrize(("line", "verdict"), [(0.1, "better"), (0.11, "not_better")])
def test_a_gain_of_a_tenth_everywhere_is_a_gain_of_a_tenth(judged, line, verdict):
    theirs = [round(0.3 + n % 7 / 10, 1) for n in range(40)]
    theirs = [min(value, 0.9) for value in theirs]
    result = judged([value + 0.1 for value in theirs], theirs, options=["--superior-by", line])

    assert result["verdict"] == verdict
    assert result["contests"][0]["lower_bound"] == pytest.approx(0.1, abs=1e-9)


def test_a_confidence_that_so_few_cannot_give_is_said_to_be_impossible(judged):
    result = judged([1] * 8, [0] * 8, options=["--confidence", "0.999"])

    assert result["verdict"] == "unproven"
    assert "cannot give 99.9% confidence" in result["reason"]
    assert judged([1] * 11, [0] * 11, options=["--confidence", "0.999"])["verdict"] == "better"


def test_ties_prove_nothing(judged):
    for value in (0, 0.3, 1):
        assert judged([value] * 60, [value] * 60)["verdict"] == "not_better"


def test_lines_of_one_group_are_one_observation(judged):
    groups = [f"g{n // 40}" for n in range(200)]
    result = judged([1] * 200, [0] * 200, groups=groups)

    assert (result["contests"][0]["n"], result["contests"][0]["groups"]) == (200, 5)
    assert result["contests"][0]["lower_bound"] == judged([1] * 5, [0] * 5)["contests"][0]["lower_bound"]
    few = judged([1] * 200, [0] * 200, groups=[f"g{n // 50}" for n in range(200)])
    assert few["verdict"] == "unproven"


def test_a_group_may_be_named_by_one_file_and_is_never_that_of_an_index(judged, write):
    """Four groups that are named, and an index whose own group nobody names: five."""
    ours = write("ours", [1] * 9, ["item 8", "8", "g", "h"] * 2)
    result = judged(ours, [0] * 9)

    assert result["contests"][0]["groups"] == 5


def test_as_good_without_tokens_says_that_cost_was_not_compared(judged):
    scores = [n % 2 for n in range(200)]
    result = judged(scores, scores, options=["--not-worse-by", "0.05"])

    assert result["verdict"] == "as_good"
    assert "Cost was not compared" in result["reason"]
    assert judged(scores, scores, options=["--superior-by", "0.05"])["verdict"] == "not_better"


def test_baselines_stand_in_the_order_in_which_they_were_given(judged):
    result = judged([1] * 10, [0] * 10, [1] * 10, [0] * 9 + [1])

    assert result["verdict"] == "not_better"
    assert [contest["wins"] for contest in result["contests"]] == [10, 0, 9]
    assert [contest["baseline"] for contest in result["contests"]] == [
        *("baseline-1", "baseline-2", "baseline-3")
    ]
    assert "of side-2.jsonl" in result["reason"]


def test_an_index_that_a_file_lacks_is_missing_there(judged):
    result = judged([line(n, 1) for n in range(1, 12)], [line(n, 0) for n in range(10)])

    assert result["contests"][0]["n"] == 12
    assert result["contests"][0]["missing"] == {"candidate": 1, "baseline": 2}


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [(7, 10, "not_better"), (10, 7, "unproven"), (8, 10, "better")],
    ids=["candidate", "baseline", "a fifth is borne"],
)
def test_who_hardly_answers_is_not_compared(judged, ours, theirs, verdict):
    result = judged([1] * ours + [None] * (10 - ours), [0] * theirs + [None] * (10 - theirs))

    assert result["verdict"] == verdict


def test_a_text_that_was_cut_off_has_a_score(judged):
    cut = judged([line(n, 1, outcome="truncated") for n in range(10)], [0] * 10)

    assert cut == judged([1] * 10, [0] * 10)


# -- the rule ----------------------------------------------------------------------------------------------------------------


def pipeline(tmp_path, promote):
    path = tmp_path / "p.yaml"
    path.write_text(f"model: gpt-4.1\nevaluation: {{promote: {{{promote}}}}}\n")
    return path


def test_the_rule_of_a_pipeline_file_counts(judged, tmp_path):
    file = pipeline(tmp_path, "superior_by: 0.5, confidence: 0.99")

    assert judged([1] * 10, [0] * 10, options=["--pipeline", file])["verdict"] == "not_better"
    assert judged([1] * 40, [0] * 40, options=["--pipeline", file])["verdict"] == "better"


def test_confidence_may_be_given_beside_a_pipeline_file(judged, tmp_path):
    file = pipeline(tmp_path, "confidence: 0.999")
    result = judged([1] * 8, [0] * 8, options=["--pipeline", file, "--confidence", "0.9"])

    assert result["verdict"] == "better"
    assert "with 90% confidence" in result["reason"]


@pytest.mark.parametrize(
    ("promote", "verdict"), [("not_worse_by: 0.05", "as_good"), ("superior_by: 0", "better")]
)
def test_a_limit_on_tokens_is_said_not_to_be_compared(judged, tmp_path, promote, verdict):
    file = pipeline(tmp_path, f"{promote}, max_prompt_ratio: 0.5")
    result = judged([1] * 20, [0] * 20, options=["--pipeline", file])

    assert result["verdict"] == verdict
    assert "Cost was not compared" in result["reason"]


def test_what_is_unusual_about_the_pipeline_file_is_shown(run, write, tmp_path):
    file = pipeline(tmp_path, "min_gain: 0.1")
    sides = "--candidate", write("a", [1] * 9), "--baseline", write("b", [0] * 9)
    code, out, err = run("compare", *sides, "--pipeline", file, "--format", "json")

    assert (code, json.loads(out)["verdict"]) == (0, "better")
    assert err.startswith(f"note: {file}:2:")
    assert "now means `superior_by`" in err


def test_a_bad_pipeline_file_is_a_wrong_call(run, write, tmp_path):
    file = pipeline(tmp_path, "superior_by: 2")
    sides = "--candidate", write("a", [1]), "--baseline", write("b", [0])
    code, out, err = run("compare", *sides, "--pipeline", file)

    assert (code, out) == (2, "")
    assert f"{file}:2:" in err


@pytest.mark.parametrize(
    ("option", "key", "good", "bad"),
    [
        ("--superior-by", "superior_by", ["0", "1", "0.25", "1e-3"], ["-0.1", "1.01", "nan", "inf", "x", ""]),
        ("--not-worse-by", "not_worse_by", ["0", "1", "0.25"], ["-0.1", "1.01", "NaN", "-inf", "ten"]),
        ("--confidence", "confidence", ["0.5", "0.9999", "0.95"], ["0.49", "0.99999", "1", "95", "nan"]),
    ],
)
def test_numbers_have_the_range_of_their_keys(run, write, option, key, good, bad):
    sides = "--candidate", write("a", [1] * 20), "--baseline", write("b", [0] * 20)
    for text in good:
        assert run("compare", *sides, f"{option}={text}")[0] in {0, 1}, text
        parse_pipeline(
            f"model: gpt-4.1\nevaluation: {{promote: {{{key}: {text}, max_cost_ratio: 1}}}}", name="p"
        )
    for text in bad:
        code, out, err = run("compare", *sides, f"{option}={text}")
        assert (code, out) == (2, ""), text
        assert f"argument {option}: " in err


@pytest.mark.parametrize(
    "options",
    [
        ["--superior-by", "0.1", "--not-worse-by", "0.1"],
        ["--superior-by", "0.1", "--pipeline", "p.yaml"],
        ["--not-worse-by", "0.1", "--pipeline", "p.yaml"],
        ["--evidence", "folder"],
        ["--format", "markdown"],
        ["more.jsonl"],
    ],
    ids=" ".join,
)
def test_options_that_contradict_each_other_are_a_wrong_call(run, write, options):
    sides = "--candidate", write("a", [1] * 9), "--baseline", write("b", [0] * 9)
    code, out, err = run("compare", *sides, *options)

    assert (code, out) == (2, "")
    assert err


@pytest.mark.parametrize("given", [[], ["--candidate", "a.jsonl"], ["--baseline", "b.jsonl"]], ids=str)
def test_a_comparison_takes_two_sides(run, given):
    code, out, err = run("compare", *given)

    assert (code, out) == (2, "")
    assert err == "error: give --candidate FILE and --baseline FILE, or --evidence FOLDER\n"


# -- lines -------------------------------------------------------------------------------------------------------------------

WRONG = {
    "no JSON": (b"{", "is not JSON"),
    "NaN": (b'{"index": 1, "score": NaN}', "NaN and Infinity are not JSON"),
    "infinity": (b'{"index": 1, "score": -Infinity}', "NaN and Infinity are not JSON"),
    "too large": (b'{"index": 1, "score": 1e999}', "is not JSON"),
    "too deep": (b'{"a": ' + b"[" * 99_999 + b"]" * 99_999 + b"}", "is not JSON"),
    "two on a line": (b'{"index": 1, "score": 1} {"index": 2, "score": 1}', "is not JSON"),
    "not UTF-8": (b'{"index": 1, "score": 1, "x": "\xff"}', "is not UTF-8"),
    "a list": (b"[1, 0.5]", "expected an object"),
    "a number": (b"0.5", "expected an object"),
    "no index": (b'{"score": 1}', "index is missing"),
    "index of text": (b'{"index": "1", "score": 1}', 'index "1" is not a whole number'),
    "index with a fraction": (b'{"index": 1.5, "score": 1}', "index 1.5 is not a whole number"),
    "index below 0": (b'{"index": -1, "score": 1}', "index -1 is not a whole number"),
    "index true": (b'{"index": true, "score": 1}', "index true is not a whole number"),
    "index null": (b'{"index": null, "score": 1}', "index null is not a whole number"),
    "no score": (b'{"index": 1}', "score is missing"),
    "only an outcome": (b'{"index": 1, "outcome": "refused"}', "score is missing"),
    "score of text": (b'{"index": 1, "score": "0.5"}', 'score "0.5" is not a number'),
    "score true": (b'{"index": 1, "score": true}', "score true is not a number"),
    "score above 1": (b'{"index": 1, "score": 1.5}', "score 1.5 is not between 0 and 1"),
    "score below 0": (b'{"index": 1, "score": -1e-9}', "score -1e-9 is not between 0 and 1"),
    "score of percent": (b'{"index": 1, "score": 80}', "score 80 is not between 0 and 1"),
    "null alone": (b'{"index": 1, "score": null}', "score is null; say why in outcome"),
    "null, null": (b'{"index": 1, "score": null, "outcome": null}', "score is null; say why"),
    "null, answered": (b'{"index": 1, "score": null, "outcome": "answered"}', "score is null; say why"),
    "null, unknown": (
        b'{"index": 1, "score": null, "outcome": "lost"}',
        'outcome "lost" is not one of refused,',
    ),
    "null, list": (b'{"index": 1, "score": null, "outcome": ["failed"]}', 'outcome ["failed"] is not one'),
    "0.5, unknown": (b'{"index": 1, "score": 0.5, "outcome": "lost"}', 'outcome "lost" is not one of'),
    "0.5, refused": (b'{"index": 1, "score": 0.5, "outcome": "refused"}', "of an answer that was refused"),
    "0, filtered": (b'{"index": 1, "score": 0, "outcome": "filtered"}', "of an answer that was filtered"),
    "1, failed": (b'{"index": 1, "score": 1, "outcome": "failed"}', "of an answer that was failed"),
    "twice": (b'{"index": 0, "score": 1}', "index 0 was there before"),
    "twice, other group": (b'{"index": 0, "score": 1, "group": "h"}', "index 0 was there before"),
    "group of a number": (b'{"index": 1, "score": 1, "group": 3}', "group 3 is not a text"),
    "empty group": (b'{"index": 1, "score": 1, "group": ""}', 'group "" is not a text'),
    "key twice": (b'{"index": 1, "index": 2, "score": 1}', 'key "index" appears twice'),
    "key twice, escaped": (b'{"index": 1, "score": 1, "sc\\u006fre": 0}', 'key "score" appears twice'),
    "key twice below": (b'{"index": 1, "score": 1, "x": {"a": 1, "a": 1}}', 'key "a" appears twice'),
    "key twice, digits": (b'{"index": 1, "score": 1, "score": 0, "x": 0.' + b"1" * 5000 + b"}", "key"),
    "long": (b'{"index": 1, "score": 1, "x": "' + b"x" * 1_000_000 + b'"}', "is this a file of scores?"),
}


@pytest.mark.parametrize("side", ["candidate", "baseline"])
@pytest.mark.parametrize("name", WRONG)
def test_a_line_that_cannot_be_used_is_named(run, write, tmp_path, name, side):
    wrong, words = WRONG[name]
    good, bad = write("good", [0] * 9), tmp_path / "bad[x].jsonl"
    bad.write_bytes(b'{"index": 0, "score": 1}\n\n' + wrong + b'\n{"index": 9, "score": 7}\n')
    files = {"candidate": good, "baseline": good} | {side: bad}
    code, out, err = run("compare", "--candidate", files["candidate"], "--baseline", files["baseline"])

    assert (code, out) == (2, "")
    assert err.startswith(f"error: {bad}:3: "), err
    assert words in err
    assert len(err) < 400


def test_another_group_for_one_index_is_named_with_both_places(run, write):
    ours, theirs = write("a", [1] * 9, ["g1", "g2"]), write("b", [0] * 9, ["g1", "g3"])
    code, out, err = run("compare", "--candidate", ours, "--baseline", theirs)

    assert (code, out) == (2, "")
    assert err == f'error: {theirs}:2: index 1 is of group "g3" here, of group "g2" in {ours}:2\n'


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf"], ids=["empty", "blank", "mark"])
def test_a_file_without_scores_is_named(run, write, tmp_path, content):
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(content)
    code, out, err = run("compare", "--candidate", write("a", [1] * 9), "--baseline", empty)

    assert (code, out, err) == (2, "", f"error: {empty}:1: there are no scores\n")


@pytest.mark.parametrize("side", ["--candidate", "--baseline"])
def test_a_file_that_is_not_there_is_named(run, write, tmp_path, side):
    there, gone = write("a", [1] * 9), tmp_path / "gone.jsonl"
    other = "--baseline" if side == "--candidate" else "--candidate"
    code, out, err = run("compare", other, there, side, gone)

    assert (code, out, err) == (2, "", f"error: {gone}: No such file or directory\n")
    assert run("compare", other, there, side, tmp_path)[2] == f"error: {tmp_path}: Is a directory\n"


def test_files_of_other_systems_are_read_as_they_are(judged, write):
    plain, marked = write("plain", [1] * 9), write("marked", [1] * 9)
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n").rstrip())

    assert judged(marked, [0] * 9) == judged(plain, [0] * 9)


def test_other_keys_are_ignored(judged):
    more = [line(n, 1, prompt="?", side="x", gradable=False, tokens=[1], Score=7) for n in range(9)]

    assert judged(more, [0] * 9) == judged([1] * 9, [0] * 9)


def test_a_file_that_can_be_read_only_once_is_read_once(run, write, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if (writer := os.fork()) == 0:
        pipe.write_bytes(write("a", [1] * 9).read_bytes())
        os._exit(0)
    code, _, _ = run("compare", "--candidate", pipe, "--baseline", write("b", [0] * 9))
    os.waitpid(writer, 0)

    assert code == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("Unable to allocate 9 TiB"), "there is not enough memory for so much data"),
        (
            RecursionError("so deep"),
            "something in the input is too large or too deep to be worked with (so deep)",
        ),
        (
            OverflowError("so large"),
            "something in the input is too large or too deep to be worked with (so large)",
        ),
    ],
    ids=repr,
)
def test_what_is_too_much_is_no_verdict(run, write, monkeypatch, error, words):
    def fail(*_args, **_more):
        raise error

    monkeypatch.setattr("cli.scores.judge", fail)
    code, out, err = run("compare", "--candidate", write("a", [1] * 9), "--baseline", write("b", [0] * 9))

    assert (code, out, err) == (2, "", f"error: {words}\n")


@pytest.mark.thorough
def test_a_hundred_thousand_scores_are_compared_in_little_memory(tmp_path):
    """At a small error, for which many parts are drawn; a limit of the system on memory makes anything else fail."""
    for side, shift in (("a", 0.01), ("b", 0.0)):
        lines = (
            f'{{"index": {n}, "score": {n * 37 % 101 / 110 + shift * (n % 3):.4f}}}\n' for n in range(100_000)
        )
        (tmp_path / side).write_text("".join(lines))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cli", "compare", "--candidate", tmp_path / "a"),
            *("--baseline", tmp_path / "b", "--confidence", "0.999", "--format", "json"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000,) * 2),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["contests"][0]["lower_bound"] == pytest.approx(0.01, abs=1e-3)


# -- for people --------------------------------------------------------------------------------------------------------------


def test_people_see_the_verdict_first_then_a_column_for_each_baseline(run, write):
    sides = [write("a", [1] * 60), write("long[b]ase", [0] * 60), write("c", [0] * 58 + [None] * 2)]
    code, out, err = run("compare", "--candidate", sides[0], "--baseline", sides[1], "--baseline", sides[2])
    lines = out.splitlines()
    rows = {text[:32].rstrip(): text[32:].split() for text in lines[2:]}

    assert (code, err) == (0, "")
    assert lines[0].startswith("better: score: 1.000 against ")
    assert rows["against"] == ["long[b]ase.jsonl", "c.jsonl"]
    assert rows["wins"] == ["60", "58"]
    assert rows["gain, at least (95%)"][0] == "+0.804"
    assert rows["missing of the baseline"] == ["0", "2"]
    assert len({len(text) for text in lines[2:]}) == 1


def test_files_of_one_name_are_told_apart(judged, write):
    old, new = write("old/scores", [0] * 9), write("new/scores", [1] * 9)

    assert f"of {old}," in judged(new, old)["reason"]
    assert f"of {old} (2)," in judged(old, old, old)["reason"]


def test_a_name_that_is_no_text_is_shown_as_well_as_it_can_be(run, write, tmp_path):
    odd = tmp_path / os.fsdecode(b"odd-\xff.jsonl")
    odd.write_bytes(write("b", [0] * 9).read_bytes())
    code, out, _ = run("compare", "--candidate", write("a", [1] * 9), "--baseline", odd)

    assert code == 0
    assert "odd-\ufffd.jsonl" in out


def test_other_commands_do_not_load_the_statistics():
    code = (
        "import sys; from cli.main import parser; parser('x').parse_args(['compare', '--superior-by', '0']);"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert "cli.compare" in loaded
    assert not {"numpy", "cli.scores", "shared.core.evaluation.contest"} & loaded

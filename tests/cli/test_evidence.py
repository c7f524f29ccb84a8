"""`compare --evidence`: anybody can check a promotion, from what a run of the app's own services stored."""

import json
import random
import threading

import msgspec
import pytest

from shared.core import artifacts
from shared.core.evaluation.answers import Answer
from shared.core.run import Status
from shared.run_folder import RunFolder
from shared.version import VERSION
from tests.support.product import PIPELINE, dataset
from tests.support.rounds import EXACT, Rounds, rows

pytestmark = pytest.mark.slow

ENDS = (Status.AWAITING_APPROVAL, Status.NOT_PROMOTED, Status.FAILED)
#: Metric and rule -> what they lead to.  Every fifth box is one that the base model knows.
RULES = {
    "similarity": "better",
    "similarity, superior_by: 0.9": "not_better",
    "exact_match": "better",
    "exact_match, confidence: 0.9999": "unproven",
    "exact_match, not_worse_by: 0.1, max_cost_ratio: 3": "as_good",
}
ODD = {
    1: Answer(index=0, text=None, finish_reason="stop", refusal="I cannot."),
    2: Answer(index=0, text=None, finish_reason="content_filter"),
    3: Answer(index=0, text="The code of", finish_reason="length", prompt_tokens=9, completion_tokens=3),
}


def measured(rule):
    """The evaluation's files of a run: names without folder -> bytes."""
    product = Rounds(
        PIPELINE.replace("base}]}", f"base}}, {{deployment: other}}], promote: {{metric: {rule}}}}}")
        + "budget: {approve_above_usd: 0}\n"
    )
    product.world.deployer.add("other", "gpt-4.1")
    lock, asked = threading.Lock(), []

    def answer(deployment, messages):
        """Some of the base's answers are odd."""
        question = messages[-1]["content"]
        number = int(question.removesuffix("?").rpartition(" ")[2]) if "box" in question else 0
        if deployment == "base" and number:
            with lock:
                asked.append(number)
                odd = ODD.get(len(asked))
            if odd is not None:
                return odd
        knows = deployment not in {"base", "other"} or number % 5 == 1
        text = product.recite("tuned" if knows else "base", messages)
        return Answer(index=0, text=text, prompt_tokens=9, completion_tokens=len(text))

    product.world.inference.answers = answer
    product.world.datasets.put("boxes/training.jsonl", dataset(400))
    run = product.until(Status.AWAITING_SPEND_APPROVAL)
    _group_by_four(product, run)
    product.approve(run, "spend")
    run = product.until(*ENDS)
    assert run.evaluation is not None, run.failure
    folder = RunFolder(product.world.artifacts, run.id)
    names = folder.names(artifacts.EVALUATION)
    return {
        name.removeprefix(artifacts.EVALUATION): folder.read(artifacts.Artifact(name))
        for name in names
        if not name.startswith(artifacts.ANSWERS)
    }


def _group_by_four(product, run):
    """Held-out examples belong together by four, as if validation had found that."""
    count = len(product.folder(run).read(artifacts.prepared("evaluation")).splitlines())
    groups = msgspec.json.encode([n // 4 for n in range(count)])
    product.store(run.id, artifacts.EVALUATION_GROUPS, groups)


@pytest.fixture(scope="module")
def kept():
    """The evaluation of a run by each rule, made once."""
    return {rule: measured(rule) for rule in RULES}


@pytest.fixture
def folder(kept, tmp_path):
    """Writes the evidence of a run by a rule into a folder."""

    def made(rule="similarity", below="evaluation", leave_out=()):
        path = tmp_path / below
        path.mkdir(exist_ok=True)
        for name, data in kept[rule].items():
            if name not in leave_out:
                (path / name).write_bytes(data)
        return path

    return made


def lines_of(path):
    return [json.loads(line) for line in (path / "scores.jsonl").read_text().splitlines()]


def write_lines(path, lines):
    (path / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("rule", RULES)
def test_verdict_reason_and_contests_of_a_run_come_out_bit_for_bit(run, folder, rule):
    path = folder(rule)
    summary = (path / "summary.json").read_bytes()
    code, out, err = run("compare", "--evidence", path, "--format", "json")
    found, stored = json.loads(out), json.loads(summary)

    assert found["verdict"] == RULES[rule]
    assert (code, err) == (0 if RULES[rule] in {"better", "as_good"} else 1, "")
    assert list(found) == ["verdict", "reason", "contests", "doubts", "look"]
    for key in found:
        assert json.dumps(found[key]) == json.dumps(stored[key]), key
    assert len(found["contests"]) == 2


def test_the_evidence_has_scores_outcomes_groups_and_tokens_and_no_text(kept):
    files = kept["similarity"]
    lines = [json.loads(line) for line in files["scores.jsonl"].splitlines()]

    assert {line["side"] for line in lines} == {"candidate", "baseline-1", "baseline-2"}
    assert {"answered", "refused", "filtered", "truncated"} == {line["outcome"] for line in lines}
    assert {type(line["score"]) for line in lines} == {float, type(None)}
    for name in ("scores.jsonl", "rule.json"):
        assert b"box" not in files[name].replace(b'"boxes', b"")
        assert b"cannot" not in files[name]


@pytest.mark.parametrize("below", ["", "evaluation"], ids=["itself", "above"])
def test_the_folder_may_be_that_of_the_run_or_of_its_evaluation(run, folder, tmp_path, below):
    folder(below=below or ".")
    code, out, err = run("compare", "--evidence", tmp_path)

    assert (code, err) == (0, "")
    assert out.startswith("better: similarity: ")
    assert "look 1 of this evaluation set, 1 since the last promotion" in out


def test_without_the_summary_it_is_just_the_verdict(run, folder):
    path = folder(leave_out=["summary.json"])
    code, out, err = run("compare", "--evidence", path, "--format", "json")

    assert (code, json.loads(out)["verdict"]) == (0, "better")
    assert err == f"note: {path / 'summary.json'} is not there, so the verdict was compared with nothing\n"
    path = folder("similarity, superior_by: 0.9", "other", leave_out=["summary.json"])
    assert run("compare", "--evidence", path)[0] == 1


def test_lines_may_stand_in_any_order(run, folder):
    path = folder()
    before = run("compare", "--evidence", path)
    lines = lines_of(path)
    random.Random(3).shuffle(lines)
    write_lines(path, lines)

    assert run("compare", "--evidence", path) == before


def graded(line):
    return line["side"] == "candidate" and line["score"] is not None


def changed(lines, which, **values):
    line = next(line for line in lines if which(line))
    line.update(values)
    return lines


CHANGES = {
    "a score": lambda lines: changed(lines, graded, score=0.4321),
    "a score by a hair": lambda lines: changed(lines, graded, score=0.9999999999),
    "an answer that is gone": lambda lines: changed(lines, graded, score=None, outcome="failed"),
    "an outcome": lambda lines: changed(lines, lambda line: line["outcome"] == "refused", outcome="filtered"),
    "the group of an item": lambda lines: [
        line | ({"group": "g99"} if line["index"] == 0 else {}) for line in lines
    ],
    "the name of a group": lambda lines: [
        line | ({"group": "g99"} if line["group"] == "g0" else {}) for line in lines
    ],
    "tokens": lambda lines: changed(lines, graded, completion_tokens=1),
    "an item less": lambda lines: [line for line in lines if line["index"] != 0],
    "two scores of one group": lambda lines: [
        line | ({"index": 1 - line["index"]} if line["index"] < 2 and line["side"] == "baseline-1" else {})
        for line in lines
    ],
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_was_changed_is_noticed(run, folder, name, form):
    path = folder()
    write_lines(path, CHANGES[name](lines_of(path)))
    code, out, err = run("compare", "--evidence", path, "--format", form)

    assert code == 1
    assert err.startswith(
        f"error: {path / 'summary.json'}: it was made from other scores than those in scores.jsonl"
    )
    assert out.startswith("better") if form == "text" else json.loads(out)["verdict"] == "better"


def test_a_changed_score_is_also_seen_in_what_follows(run, folder):
    path = folder()
    write_lines(path, changed(lines_of(path), graded, score=0.4321))
    _, _, err = run("compare", "--evidence", path)

    assert f"{path / 'summary.json'}: reason is " in err
    assert f"{path / 'summary.json'}: contests[0].gain is " in err
    assert "by scores.jsonl and rule.json" in err


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("verdict", "as_good", 'verdict is "as_good" there, and "better" by scores.jsonl and rule.json'),
        ("reason", "It is good.", 'reason is "It is good." there, and "similarity: '),
        ("contests", [], "contests is [] there, and [{"),
        ("contests", None, "contests is null there, and [{"),
        ("verdict", ..., 'verdict is nothing there, and "better"'),
    ],
)
def test_a_summary_that_says_otherwise_is_noticed(run, folder, key, value, words):
    path = folder()
    summary = json.loads((path / "summary.json").read_bytes())
    if value is ...:
        del summary[key]
    else:
        summary[key] = value
    (path / "summary.json").write_text(json.dumps(summary))
    code, out, err = run("compare", "--evidence", path)

    assert code == 1
    assert out.startswith("better")
    assert err.startswith(f"error: {path / 'summary.json'}: {words}")
    assert err.count("\n") == 1


#: What does not follow from scores and rule: nobody can check these by them.
APART = {"digest", "champion", "round"}


def test_every_key_of_a_summary_is_compared_but_for_what_does_not_follow_from_scores(run, folder):
    path = folder()
    whole = {"champion": "a-run"} | json.loads((path / "summary.json").read_bytes())
    quiet = set()
    for key in whole:
        for changed_to in ({k: v for k, v in whole.items() if k != key}, whole | {key: {"x": 1}}):
            (path / "summary.json").write_text(json.dumps(changed_to))
            code, out, err = run("compare", "--evidence", path)
            assert out.startswith("better")
            assert code == (1 if err else 0)
            if not err:
                quiet.add(key)
            else:
                assert f"summary.json: {key}" in err or "`evidence`" in err or "other scores" in err

    assert len(whole) == 19
    assert quiet == APART


def test_a_summary_of_unknown_scores_is_named(run, folder):
    path = folder()
    summary = json.loads((path / "summary.json").read_bytes())
    del summary["evidence"]
    (path / "summary.json").write_text(json.dumps(summary))
    code, _, err = run("compare", "--evidence", path)

    assert code == 1
    assert err == (
        f"error: {path / 'summary.json'}: it has no key `evidence`, so nothing shows that it was made from the scores in "
        "scores.jsonl\n"
    )


def test_what_keeps_automatic_from_deploying_is_shown(run, folder):
    path = folder()
    doubts = json.loads((path / "summary.json").read_bytes())["doubts"]
    _, out, _ = run("compare", "--evidence", path)
    told = json.loads(run("compare", "--evidence", path, "--format", "json")[1])

    assert len(doubts) >= 2
    assert [line for line in out.splitlines() if line.startswith("automatic would")] == [
        f"automatic would ask a person: {doubt}" for doubt in doubts
    ]
    assert told["doubts"] == doubts


@pytest.mark.parametrize("where", ["rule", "look"])
def test_another_rule_or_look_is_noticed(run, folder, where):
    path = folder()
    rule = json.loads((path / "rule.json").read_bytes())
    rule[where] |= {"confidence": 0.9} if where == "rule" else {"pipeline": 9}
    (path / "rule.json").write_text(json.dumps(rule))
    code, _, err = run("compare", "--evidence", path)

    assert code == 1
    assert f"contests[0].{'lower' if where == 'rule' else 'safe'}_bound is " in err


def test_another_release_is_named_where_it_may_explain_the_difference(run, folder):
    path = folder()
    rule = json.loads((path / "rule.json").read_bytes())
    (path / "rule.json").write_text(json.dumps(rule | {"app_version": "0.9.9"}))
    assert run("compare", "--evidence", path)[::2] == (0, "")

    write_lines(path, changed(lines_of(path), graded, score=0.4321))
    assert f"is of version 0.9.9, this is {VERSION}" in run("compare", "--evidence", path)[2]


def line_with(**values):
    first = {"side": "candidate", "index": 0, "score": 1, "outcome": "answered", "group": "g0"}
    return json.dumps(first | {"prompt_tokens": 1, "completion_tokens": 1, "gradable": True} | values)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "Input data was truncated"),
        ("[" * 200_000, ""),
        (line_with(score=1.5), "Expected `float` <= 1.0"),
        (line_with(score=-0.5), "Expected `float` >= 0.0"),
        (line_with(score=True), "Expected `float | null`, got `bool`"),
        (line_with(index=-1), "Expected `int` >= 0"),
        (line_with(outcome="lost"), "Invalid enum value 'lost'"),
        (line_with(outcome="refused"), "a score, although the answer was refused"),
        (line_with(gradable=False), "a score, although the item cannot be graded"),
        (line_with(score=None), "no score, although the item can be graded and was answered"),
        (line_with(side="baseline-9"), "the rule names no such side"),
        (line_with(side="candidate"), "it was there before"),
        (line_with()[:-1] + ', "index": 99}', "key 'index' appears twice in one object"),
    ],
)
def test_a_line_that_is_no_evidence_is_named(run, folder, line, words):
    path = folder()
    with (path / "scores.jsonl").open("a") as file:
        file.write(line + "\n")
    count = len((path / "scores.jsonl").read_bytes().splitlines())
    code, out, err = run("compare", "--evidence", path)

    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path / 'scores.jsonl'}: line {count}: ")
    assert words in err


def test_an_item_of_two_groups_is_no_evidence(run, folder):
    path = folder()
    write_lines(path, changed(lines_of(path), lambda line: line["side"] == "baseline-1", group="g7"))
    code, out, err = run("compare", "--evidence", path)

    assert (code, out) == (2, "")
    assert "item 0 is of group g7 here, of g0 before" in err


def test_an_item_that_one_side_lacks_is_no_evidence(run, folder):
    path = folder()
    write_lines(path, lines_of(path)[:-1])
    code, out, err = run("compare", "--evidence", path)

    assert (code, out) == (2, "")
    assert "baseline-2 has " in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rule": {"confidence": 1}}, "rule.confidence: 1 is not between 0.5 and 0.9999"),
        ({"rule": {"confidence": -3}}, "rule.confidence: -3 is not between"),
        ({"rule": {"superior_by": 7}}, "a number is out of range"),
        ({"rule": {"max_severe_regressions": 0}}, "a number is out of range"),
        ({"rule": {"not_worse_by": -0.5}}, "a number is out of range"),
        ({"rule": {"superior_by": -0.5}}, "a number is out of range"),
        ({"rule": {"min_gain": 7}}, "a number is out of range"),
        ({"rule": {"max_cost_ratio": -1}}, "a number is out of range"),
        ({"rule": {"max_prompt_ratio": 1e308}}, "a number is out of range"),
        ({"rule": {"superior_by": 0.1, "not_worse_by": 0.1}}, "exclude each other"),
        ({"rule": {"min_gain": 0.1, "superior_by": 0.0}}, "exclude each other"),
        ({"look": {"set": 1, "pipeline": 10**200}}, "the last one 1,000,000"),
        ({"look": {"set": 10**200, "pipeline": 1}}, "the last one 1,000,000"),
        ({"look": {"set": 1, "pipeline": 0}}, "the first one is 1"),
        ({"look": {"set": 0, "pipeline": 1}}, "the first one is 1"),
        ({"labels": {"baseline-1": "base"}}, "candidate is missing"),
        ({"metric": 3}, "Expected `str`, got `int`"),
    ],
    ids=str,
)
def test_a_rule_that_no_run_can_have_is_named(run, folder, change, words):
    path = folder()
    rule = json.loads((path / "rule.json").read_bytes())
    (path / "rule.json").write_text(json.dumps(rule | change))
    code, out, err = run("compare", "--evidence", path)

    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path / 'rule.json'}: ")
    assert words in err


@pytest.mark.parametrize("name", ["rule.json", "summary.json"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 200_000], ids=lambda raw: raw[:3])
def test_a_file_that_cannot_be_read_is_named(run, folder, name, content):
    path = folder()
    (path / name).write_bytes(content)
    code, _, err = run("compare", "--evidence", path)

    assert code == 2
    assert err.startswith(f"error: {path / name}: ")


@pytest.mark.parametrize("name", ["rule.json", "summary.json"])
def test_a_key_that_appears_twice_is_named(run, folder, name):
    path = folder()
    raw = (path / name).read_bytes()
    (path / name).write_bytes(raw.rstrip()[:-1] + b', "look": {"set": 1, "pipeline": 1}}')
    code, _, err = run("compare", "--evidence", path)

    assert code == 2
    assert err == f"error: {path / name}: key 'look' appears twice in one object\n"


@pytest.mark.parametrize("name", ["rule.json", "scores.jsonl"])
def test_half_of_the_evidence_is_none(run, folder, name):
    path = folder(leave_out=[name])

    assert run("compare", "--evidence", path) == (2, "", f"error: {path / name}: No such file or directory\n")


def test_a_run_without_a_baseline_is_unproven(run, folder):
    path = folder(leave_out=["summary.json"])
    rule = json.loads((path / "rule.json").read_bytes())
    labels = {"candidate": rule["labels"]["candidate"]}
    (path / "rule.json").write_text(json.dumps(rule | {"labels": labels, "skipped": ["base: not there"]}))
    write_lines(path, [line for line in lines_of(path) if line["side"] == "candidate"])
    code, out, _ = run("compare", "--evidence", path)

    assert code == 1
    assert out.startswith("unproven: No baseline could be measured (base: not there)")
    assert "against " not in out
    assert json.loads(run("compare", "--evidence", path, "--format", "json")[1])["contests"] == []


def test_blank_lines_are_no_evidence_of_anything(run, folder):
    path = folder()
    before = run("compare", "--evidence", path)
    scores = path / "scores.jsonl"
    scores.write_bytes(b"\n" + scores.read_bytes().replace(b"\n", b"\r\n\r\n"))

    assert run("compare", "--evidence", path) == before


def test_a_folder_without_evidence_is_named(run, tmp_path):
    code, out, err = run("compare", "--evidence", tmp_path)

    assert (code, out) == (2, "")
    assert err.startswith(
        f"error: {tmp_path} has no scores.jsonl and rule.json, nor has its subfolder evaluation/"
    )
    gone = tmp_path / "gone"
    assert run("compare", "--evidence", gone)[2] == f"error: {gone}: No such file or directory\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--candidate", "a"],
        ["--baseline", "b"],
        ["--pipeline", "p"],
        ["--superior-by", "0"],
        ["--confidence", "0.9"],
    ],
    ids=lambda options: options[0],
)
def test_the_evidence_has_its_own_scores_and_rule(run, folder, options):
    code, out, err = run("compare", "--evidence", folder(), *options)

    assert (code, out) == (2, "")
    assert err.startswith(f"error: --evidence and {options[0]} exclude each other")


SET = PIPELINE.replace(
    "base}]}",
    "base}, {deployment: other}], graders: ["
    + EXACT
    + "], set: sets/boxes.jsonl, must_pass: [2, 30], promote: {RULE}}",
)


@pytest.mark.parametrize(
    ("rule", "knows", "outcome", "words"),
    [
        ("max_slice_loss: 0.9", 1.0, "better", "wins and 0 losses"),
        ("max_slice_loss: 0.2", 0.75, "not_better", "is allowed in a slice"),
        ("confidence: 0.9", 0.0, "not_better", "The candidate fails lines 2, 30 of evaluation.set"),
    ],
)
def test_slices_and_what_must_be_passed_come_out_bit_for_bit(run, tmp_path, rule, knows, outcome, words):
    rounds = Rounds(SET.replace("RULE", rule) + "dataset: {validation: {split: 0}}\n")
    rounds.world.deployer.add("other", "gpt-4.1")
    exam = b"".join(
        line.replace(b"What is", b"In a few words, please: what is" if n % 3 else b"What is")
        for n, line in enumerate(rows(*range(500, 580)).splitlines(keepends=True))
    )
    rounds.world.pipeline_files.put("sets/boxes.jsonl", exam.decode())

    def answer(deployment, messages):
        """Another baseline knows the short questions that the candidate fails."""
        question = messages[-1]["content"]
        is_long = "please" in question
        knows_it = {"other": not is_long and knows < 1, "base": False}.get(
            deployment, is_long or knows == 1.0
        )
        if "box" in question and knows_it and knows:
            return rounds.recite("tuned", [{"content": question}])
        return "I do not know."

    rounds.world.inference.answers = answer
    made = rounds.round(dataset(60))
    assert made.evaluation, made.failure
    folder = rounds.folder(made)
    for artifact in (artifacts.SCORES, artifacts.RULE, artifacts.EVALUATION_SUMMARY):
        (tmp_path / artifact.name.removeprefix(artifacts.EVALUATION)).write_bytes(folder.read(artifact))
    code, out, err = run("compare", "--evidence", tmp_path, "--format", "json")
    stored = json.loads(folder.read(artifacts.EVALUATION_SUMMARY))
    found = json.loads(out)

    assert (made.evaluation.outcome, found["verdict"]) == (outcome, outcome)
    assert words in found["reason"] == stored["reason"]
    assert (code, err) == (outcome != "better", "")
    assert json.dumps(found["contests"]) == json.dumps(stored["contests"])
    assert all(contest["slices"] for contest in found["contests"])

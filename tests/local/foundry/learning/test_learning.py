"""It learns: losses fall, over-training shows, good data beats the base and shuffled data does not."""

import json
import random
import re
from functools import partial
from pathlib import Path
from statistics import fmean

import pytest

from local.foundry.answers.answering import Memory, adapted
from local.foundry.common.bodies import schema_of
from local.foundry.common.rows import Pair, answer_text, each_pair, each_preference, questions
from local.foundry.graders.grading import grade
from local.foundry.graders.judging import verdict
from local.foundry.learning.language_model import fit
from local.foundry.learning.preference import Preferences, fit_preferences, taste
from local.foundry.learning.reinforcement import Learner, Options, Policy
from local.foundry.learning.skills import lead
from shared.core.evaluation.similarity import METRICS

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[4]
PUBLIC = ROOT.parent / "shared" / "data"
FIGURE = re.compile(r"\d+(?:\.\d+)?%?")
SAMPLE = ROOT / "samples" / "datasets" / "pubmed-summarization" / "training.jsonl"


def rows_of(path):
    rows = list(each_pair(path.read_bytes()))
    random.Random(1).shuffle(rows)
    cut = int(len(rows) * 0.8)
    return rows[:cut], rows[cut:]


def test_losses_fall_and_are_measured_on_validation_rows_too():
    train, valid = rows_of(SAMPLE)
    steps = list(
        fit(
            [r.text for r in train[:80]],
            [r.text for r in valid[:20]],
            epochs=3,
            batch_size=1,
            rate_multiplier=1.0,
            seed=1,
        )
    )
    ends = [step for step in steps if step.ends_epoch]

    assert len(steps) == 240
    assert fmean(s.train.loss for s in steps[-40:]) < 0.6 * fmean(s.train.loss for s in steps[:10])
    assert [step.epoch for step in ends] == [1, 2, 3]
    assert ends[-1].full_valid.loss < ends[0].full_valid.loss
    assert ends[-1].full_valid.accuracy > ends[0].full_valid.accuracy


def test_too_many_epochs_on_few_rows_overfit():
    """The validation loss turns and rises while the training loss goes on falling: a fifth above its best at the end."""
    train, valid = rows_of(SAMPLE)
    steps = list(
        fit(
            [r.text for r in train[:12]],
            [r.text for r in valid],
            epochs=30,
            batch_size=1,
            rate_multiplier=2.0,
            seed=1,
        )
    )
    measured = [step.full_valid.loss for step in steps if step.ends_epoch]
    trained = [fmean(s.train.loss for s in steps if s.epoch == epoch) for epoch in range(1, 31)]
    turn = measured.index(min(measured))

    assert 0 < turn < 15
    assert trained[-1] < 0.5 * trained[turn]
    assert measured[-1] > 1.1 * measured[turn]
    assert fmean(measured[-5:]) > fmean(measured[turn : turn + 5])


def test_the_same_seed_learns_the_same():
    def losses():
        return [
            s.train.loss
            for s in fit(["a b c d", "b c d e"], [], epochs=2, batch_size=1, rate_multiplier=1.0, seed=7)
        ]

    assert losses() == losses()


def test_a_fit_of_5000_rows_learns():
    text = "Objective: To see. Methods: We saw. Results: It rose by {} percent in {} patients. Conclusion: It works."
    train = [text.format(number % 97, number) for number in range(5000)]
    steps = list(fit(train, train[:200], epochs=1, batch_size=10, rate_multiplier=1.0, seed=1))

    assert len(steps) == 500
    assert steps[-1].full_valid.loss < 0.5 * steps[0].train.loss


def answers(train, test):
    """What a model says that was tuned on these rows."""
    memory = Memory(train)
    return [answer_text(adapted(memory.nearest(row.prompt), row.prompt, memory)) for row in test]


def shuffled(rows):
    """The same prompts, each with the answer to another."""
    given = [row.answer for row in rows]
    random.Random(2).shuffle(given)
    return [Pair(row.prompt, answer) for row, answer in zip(rows, given, strict=True)]


def judged(said, row):
    """The score that a base deployment gives as a judge, 0 to 10."""
    prompt = f"Grade from 0 to 10 how well the response agrees with the reference.\n\nReference: {row.text}\nResponse: {said}"
    return float(verdict([{"role": "user", "content": prompt}]))


def figures(said, row):
    """The share of the reference's figures that an answer has: whether it tells the facts."""
    wanted = set(FIGURE.findall(row.text))
    return len(wanted & set(FIGURE.findall(said))) / len(wanted)


@pytest.mark.parametrize(
    "score",
    [judged, figures, lambda said, row: METRICS["gleu"](said, row.text)],
    ids=["judge", "figures", "gleu"],
)
def test_good_data_beat_the_base_and_shuffled_answers_do_not(score):
    """By measures of content.  ROUGE-L alone would praise shuffled answers too: they have the style, with the facts of others."""
    train, test = rows_of(SAMPLE)
    said = {
        "tuned": answers(train, test),
        "spoiled": answers(shuffled(train), test),
        "base": [lead(row.prompt) for row in test],
    }
    means = {
        who: fmean(score(*pair) for pair in zip(texts, test, strict=True)) for who, texts in said.items()
    }

    assert means["tuned"] > 1.2 * means["spoiled"]
    assert means["base"] > means["spoiled"]
    assert (
        score is figures or means["tuned"] > 1.2 * means["base"]
    )  # the base model leaves no figure out, but knows no form


@pytest.mark.parametrize("name", ["sft-gsm8k", "sft-tools"])
def test_good_data_beat_the_base_and_shuffled_answers_on_public_sets(name):
    """There a base model, which cannot calculate or call, repeats the question, and style counts: tuned is first."""
    path = PUBLIC / name / "training.jsonl"
    if not path.exists():
        pytest.skip("the public datasets lie beside the repository in ../shared/data")
    train, test = rows_of(path)
    said = [answers(train, test), answers(shuffled(train), test), [lead(row.prompt) for row in test]]
    tuned, spoiled, base = (
        fmean(METRICS["gleu"](text, row.text) for text, row in zip(texts, test, strict=True))
        for texts in said
    )

    assert tuned > 1.2 * base
    assert tuned > 1.05 * spoiled


def test_preferences_are_learned_on_public_pairs_and_swapped_ones_teach_the_opposite():
    path = PUBLIC / "dpo-orca" / "training.jsonl"
    if not path.exists():
        pytest.skip("the public datasets lie beside the repository in ../shared/data")
    texts = [row.texts for row in each_preference(path.read_bytes())]
    train, held_out = texts[:60], texts[-24:]
    for given, accuracy in ((train, 0.9), ([pair[::-1] for pair in train], 0.1)):
        model = Preferences(given, beta=0.1, seed=1)
        last = list(
            fit_preferences(model, given, held_out, epochs=1, batch_size=1, rate_multiplier=1.0, seed=1)
        )[-1]
        liked = taste(json.loads(json.dumps(model.dump())))
        wins = fmean(liked.reward(preferred) > liked.reward(other) for preferred, other in held_out)

        assert last.train.loss < 0.65
        assert abs(last.more["full_valid_rewards_accuracies"] - accuracy) <= 0.1
        assert abs(wins - accuracy) <= 0.1


def test_rewards_of_a_model_grader_grow_on_public_tasks():
    """Countdown: the policy finds that searching for an expression is rewarded more than anything else that it can say."""
    folder = PUBLIC / "rft-countdown"
    if not folder.exists():
        pytest.skip("the public datasets lie beside the repository in ../shared/data")
    grader = json.loads((folder / "grader.json").read_text())
    train, valid = (
        questions((folder / f"{name}.jsonl").read_bytes())[:24] for name in ("training", "validation")
    )
    policy = Policy(
        [row.prompt for row in train], schema_of(json.loads((folder / "response_schema.json").read_text()))
    )
    options = Options(4, 8, 1.0, 4, 2, 1.0, seed=1)
    steps = list(Learner(policy, partial(grade, grader), options).fit(train, valid))
    said = Policy.load(json.loads(json.dumps(policy.dump()))).best(valid[0].prompt)

    assert steps[0].valid.reward < 1.5
    assert steps[-1].valid.reward > 3
    assert json.loads(said).keys() == {"expression", "result"}


def test_a_reward_that_nothing_earns_teaches_nothing():
    rows = questions(
        b'{"messages": [{"role": "user", "content": "Is it red or green?"}], "answer": "purple"}\n' * 16
    )
    grader = {
        "type": "string_check",
        "name": "x",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.answer}}",
    }
    policy = Policy([row.prompt for row in rows], None)
    steps = list(
        Learner(policy, partial(grade, grader), Options(3, 4, 1.0, 1, 2, 1.0, seed=1)).fit(rows, rows)
    )

    assert {step.train.reward for step in steps} == {0.0}
    assert len(set(policy.probabilities(rows[0].prompt, policy.candidates(rows[0].prompt)).tolist())) == 1

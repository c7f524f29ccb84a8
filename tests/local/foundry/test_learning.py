"""It learns: losses fall, over-training shows, good data beats the base and shuffled data does not."""

import random
from pathlib import Path
from statistics import fmean

import pytest

from local.foundry.answering import Memory, adapted
from local.foundry.learning import fit
from local.foundry.rows import Pair, answer_text, pairs
from local.foundry.skills import lead
from shared.core.evaluation.similarity import METRICS

ROOT = Path(__file__).parents[3]
PUBLIC = ROOT.parent / "shared" / "data"
SAMPLE = ROOT / "samples" / "datasets" / "pubmed-summarization" / "training.jsonl"


def rows_of(path):
    rows = pairs(path.read_bytes())
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
    ends = [step for step in steps if step.ends_epoch]
    best = min(step.full_valid.loss for step in ends)

    assert ends[-1].train.loss < ends[4].train.loss
    assert ends[-1].full_valid.loss > 1.02 * best


def test_the_same_seed_learns_the_same():
    def losses():
        return [
            s.train.loss
            for s in fit(["a b c d", "b c d e"], [], epochs=2, batch_size=1, rate_multiplier=1.0, seed=7)
        ]

    assert losses() == losses()


def scores(train, test, metric):
    memory, score = Memory(train), METRICS[metric]
    tuned = fmean(
        score(answer_text(adapted(memory.nearest(r.prompt), r.prompt, memory)), r.text) for r in test
    )
    return tuned, fmean(score(lead(r.prompt), r.text) for r in test)


@pytest.mark.parametrize(
    ("path", "metric"),
    [
        (SAMPLE, "rouge_l"),
        (PUBLIC / "sft-gsm8k" / "training.jsonl", "gleu"),
        (PUBLIC / "sft-tools" / "training.jsonl", "gleu"),
    ],
    ids=["pubmed", "gsm8k", "tools"],
)
def test_good_data_beats_the_base_and_shuffled_answers_are_worse(path, metric):
    if not path.exists():
        pytest.skip("the public datasets lie beside the repository in ../shared/data")
    train, test = rows_of(path)
    answers = [row.answer for row in train]
    random.Random(2).shuffle(answers)
    shuffled = [Pair(row.prompt, answer) for row, answer in zip(train, answers, strict=True)]
    tuned, base = scores(train, test, metric)
    spoiled, _ = scores(shuffled, test, metric)

    assert tuned > 1.2 * base
    assert tuned > 1.05 * spoiled

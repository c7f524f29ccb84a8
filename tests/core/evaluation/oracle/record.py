"""Records what other packages say: `make oracle`, in an environment of its own, where nothing of the product is.

`values.json`, beside this file, has what scipy and statsmodels say of statistics (`tests/core/evaluation/test_oracle.py`);
`similarity.json` what rouge-score, nltk, sacrebleu and rapidfuzz say of pairs of texts (`test_similarity.py`).  Numbers are
written with all their digits.  Where two packages know an answer, they must agree.
"""

import json
import logging
import math
import random
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import sacrebleu
from nltk.translate import bleu_score, gleu_score
from rapidfuzz import fuzz
from rouge_score.rouge_scorer import RougeScorer
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

VALUES = Path(__file__).with_name("values.json")
SIMILARITY = Path(__file__).with_name("similarity.json")
SEED = 17
TOTALS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 60, 100, 149, 228, 342, 500, 1000, 2000)
ALPHAS = (1e-6, 1e-5, 1e-4, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5)
COUNTS_MANY = (0, 1, 2, 10, 20, 45, 50, 60, 100, 200, 240, 260, 350, 499, 500)
#: Scores with few values, whose sums are exact.
STEPS = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)
LINES = (0.0, 0.0625, -0.125, 0.1)
#: Words that are one token each, whoever cuts a text.
WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "mat", "3", "of", "and", "quickly"]


def counts_of(total):
    """Few, about each quarter, nearly all, all."""
    some = (0, 1, 2, total // 20, total // 10, total // 4, total // 2, 3 * total // 4, 9 * total // 10)
    return sorted({count for count in (*some, total - 2, total - 1, total) if 0 <= count <= total})


def shares():
    """[count, total, alpha, lower bound, upper bound], each one-sided (Clopper and Pearson)."""
    for total, alpha in product(TOTALS, ALPHAS):
        for count in counts_of(total):
            lower = float(stats.beta.ppf(alpha, count, total - count + 1)) if count else 0.0
            upper = float(stats.beta.isf(alpha, count + 1, total - count)) if count < total else 1.0
            if alpha < 0.5:
                also = proportion_confint(count, total, alpha=2 * alpha, method="beta")
                np.testing.assert_allclose((lower, upper), also, rtol=1e-11, atol=1e-13)
            yield [count, total, alpha, lower, upper]


def signs():
    """[wins, losses, p]: one-sided, that a fair coin gives at least as many wins."""
    for wins, losses in [*product(range(13), repeat=2), *product(COUNTS_MANY, repeat=2)]:
        if not wins + losses:
            continue
        p = float(stats.binomtest(wins, wins + losses, alternative="greater").pvalue)
        if wins > losses:  # then both sides are twice the one
            also = mcnemar([[0, losses], [wins, 0]], exact=True).pvalue
            np.testing.assert_allclose(min(1.0, 2 * p), also, rtol=1e-10)
        yield [wins, losses, p]


def differences(draw, count):
    """Of two sides with scores of a few values, with tenths (which are not equal to the last digit), with any, with 0 and 1."""
    yield [draw.choice(STEPS) - draw.choice(STEPS) for _ in range(count)]
    yield [draw.choice((0.0, 0.0, draw.choice(STEPS))) for _ in range(count)]
    yield [draw.randrange(11) / 10 - draw.randrange(11) / 10 for _ in range(count)]
    yield [draw.uniform(-0.4, 1.0) for _ in range(count)]
    yield [float(draw.choice((-1, 0, 1, 1))) for _ in range(count)]
    yield [1.0] * count
    yield [0.0] * (count - 1) + [0.5]
    yield [0.25] * (count - 1) + [-1.0]


def flips():
    """[differences, line, p]: one-sided, by all patterns of signs of what the differences are above the line."""
    draw = random.Random(SEED)
    for count in range(5, 13):
        for sample in differences(draw, count):
            for line in LINES:
                above = np.array(sample) - line
                found = stats.permutation_test(
                    (above,), np.mean, permutation_type="samples", alternative="greater", n_resamples=10**5
                )
                assert len(found.null_distribution) == 2**count
                yield [sample, line, float(found.pvalue)]


def quantiles():
    """[alpha, degrees of freedom, what Student's t exceeds with that chance]."""
    for alpha, freedom in product(ALPHAS, (4, 5, 7, 9, 13, 19, 29, 49, 99, 148, 199)):
        yield [alpha, freedom, float(stats.t.isf(alpha, freedom))]


def powers():
    """[effect in standard deviations, groups, alpha, power of Student's one-sided test]."""
    for effect, groups, alpha in product(
        (0.05, 0.1, 0.2, 1 / 3, 0.5, 0.8, 1.2),
        (5, 7, 10, 14, 20, 30, 50, 100, 149, 200),
        (0.001, 0.01, 0.05, 0.1),
    ):
        power = float(TTestPower().power(effect, groups, alpha, alternative="larger"))
        limit = stats.t.isf(alpha, groups - 1)
        also = stats.nct.sf(limit, groups - 1, effect * groups**0.5)
        np.testing.assert_allclose(power, also, rtol=1e-8)
        yield [effect, groups, alpha, power]


def needed():
    """[effect in standard deviations, alpha, the fewest groups with which that power is at least 0.8]."""
    for effect, alpha in product((0.04, 0.05, 0.1, 0.2, 1 / 3, 0.5), (0.001, 0.01, 0.05)):

        def power(groups, effect=effect, alpha=alpha):
            return float(TTestPower().power(effect, groups, alpha, alternative="larger"))

        solved = TTestPower().solve_power(effect_size=effect, alpha=alpha, power=0.8, alternative="larger")
        groups = math.ceil(float(solved))
        assert power(groups) >= 0.8 > power(groups - 1)
        yield [effect, alpha, groups]


class ByTokens:
    """The tokenizer of rouge-score that takes words as they are."""

    def tokenize(self, text):
        return text.split()


def sentences():
    """Pairs of texts of 0 to 25 words: from other words, from the same in part, and equal."""
    draw = random.Random(SEED)
    yield from [("", ""), ("", "the cat"), ("the cat", ""), ("the", "the"), ("the cat sat", "the cat sat")]
    for _ in range(300):
        reference = draw.choices(WORDS, k=draw.randint(1, 25))
        candidate = draw.choices(WORDS, k=draw.randint(1, 25))
        if draw.random() < 0.6:  # near the reference
            candidate = [draw.choice(WORDS) if draw.random() < 0.25 else word for word in reference]
            candidate = candidate[: draw.randint(1, len(candidate))]
        yield " ".join(candidate), " ".join(reference)


def bleu(candidate, reference):
    """With one added to both counts of every order above 1 (`add-k`; nltk's `method2`)."""
    found = (
        sacrebleu.sentence_bleu(
            candidate,
            [reference],
            smooth_method="add-k",
            smooth_value=1,
            tokenize="none",
            use_effective_order=False,
        ).score
        / 100
    )
    also = bleu_score.sentence_bleu(
        [reference.split()], candidate.split(), smoothing_function=bleu_score.SmoothingFunction().method2
    )
    np.testing.assert_allclose(found, also, rtol=1e-9, atol=1e-12)
    return found


def similarities():
    """[candidate, reference, {measure: value}]; BLEU where the candidate has 4-grams: of shorter texts no two packages agree."""
    orders = [f"rouge{order}" for order in range(1, 6)]
    scorer = RougeScorer([*orders, "rougeL"], tokenizer=ByTokens())
    for candidate, reference in sentences():
        rouge = scorer.score(reference, candidate)
        values = {
            f"rouge_{name.removeprefix('rouge').lower()}": float(rouge[name].fmeasure) for name in rouge
        }
        values["fuzzy_match"] = fuzz.ratio(candidate, reference) / 100
        if candidate and reference:
            values["gleu"] = float(gleu_score.sentence_gleu([reference.split()], candidate.split()))
        if len(candidate.split()) >= 4 and reference:
            values["bleu"] = bleu(candidate, reference)
        yield [candidate, reference, values]


def main():
    """Write the records, a case a line."""
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)  # each sentence would have a warning
    write(VALUES, ("numpy", "scipy", "statsmodels"), (shares, signs, flips, quantiles, powers, needed))
    write(SIMILARITY, ("rouge-score", "nltk", "sacrebleu", "rapidfuzz"), (similarities,))


def write(path, packages, kinds):
    parts = [f'"made_with": {json.dumps({name: version(name) for name in packages})}']
    for cases in kinds:
        rows = ",\n".join(json.dumps(case, allow_nan=False) for case in cases())
        parts.append(f'"{cases.__name__}": [\n{rows}\n]')
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()

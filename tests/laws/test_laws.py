"""How often the verdict is wrong stays within what it states, and gains are shown: laws of chance.  `make soak` tries them all.

The table of the last campaign stands in docs/evaluation.md.
"""

import re

import numpy as np
import pytest

from shared.core.evaluation import contest
from shared.core.evaluation.flips import Flips
from tests.laws import campaign, laws
from tests.laws.__main__ import PAGE, rows
from tests.laws.campaign import Cell, Passing
from tests.laws.cells import cells, drops, enumerated

TRIALS = 100
#: Laws of `make test`: one of each kind, with few items.
QUICK = [
    "normal", "two correlated beta scores", "normal, 95% ties", "groups of 8, correlation 0.9",
    "pass or fail, 10% of the baseline's answers missing", "2% of items lose 0.8, the others gain",
    "gain 0.05, spread 0.15", "gain 0.1, spread 0.2, as many groups as `needed` says",
]  # fmt: skip


def quick():
    return [
        cell
        for cell in cells()
        if cell.title in QUICK
        and (cell.items in {5, 20, 50} or cell.size > 1 or cell.most)
        and cell.rule == campaign.PLAIN
    ]


@pytest.mark.slow
def test_a_few_trials_of_each_kind_of_law_keep_the_limits():
    found = [campaign.run(cell, TRIALS) for cell in quick()]
    print(campaign.table(found))

    assert {row.title for row in found} == set(QUICK)
    assert [row for row in found if not row.is_kept] == []


def test_pass_or_fail_keeps_its_limit_in_all_outcomes():
    found = [campaign.enumerate_passing(case) for case in enumerated() if case.groups <= 20]

    assert len(found) > 15
    assert [row for row in found if not row.is_kept] == []


@pytest.mark.slow
def test_a_few_pipelines_without_any_gain_are_not_promoted_in_twenty_drops():
    for title, law in drops():
        row = campaign.run_drops(title, law, 60, 3)
        assert row.is_kept, row


@pytest.mark.thorough
class TestTheCampaignFindsWhatIsWrong:
    """Each with a method that was wrong once, or would be."""

    def test_rows_counted_as_groups(self):
        law = laws.grouped(8)
        found = campaign.run(Cell("rows of groups of 8", law, 80), TRIALS)

        assert found.person > 0.15
        assert not found.is_kept
        assert campaign.run(Cell("groups of 8", law, 80, size=8), TRIALS).is_kept

    def test_a_bound_that_is_the_gain_itself(self, monkeypatch):
        monkeypatch.setattr(Flips, "bound", lambda self, _alpha: float(np.median(self._means)))
        found = campaign.run(Cell("normal", laws.normal(), 20), TRIALS)

        assert found.person > 0.3
        assert not found.is_kept

    def test_a_baselines_silence_counted_as_a_loss_of_it(self, monkeypatch):
        def difference(ours, theirs):
            return (ours.value or 0.0) - (theirs.value or 0.0)

        law = laws.silent(laws.passing(0.68), theirs=0.1)
        monkeypatch.setattr(contest, "difference", difference)
        found = campaign.run(Cell("silent", law, 100), TRIALS)

        assert found.person > 0.2
        assert not found.is_kept

    def test_looks_that_all_spend_the_same_error(self, monkeypatch):
        monkeypatch.setattr(contest, "error_of", lambda confidence, _number: 1 - confidence)
        (law,) = [
            law for title, law in drops() if title.startswith("20 drops, pass or fail") and "own" in title
        ]
        found = campaign.run_drops("spent twice", law, 60, 15)

        assert found.automatic > 0.2
        assert not found.is_kept

    def test_a_person_would_be_asked_about_collapses_far_too_often(self):
        """What sign flips cannot see, and `automatic` must not believe."""
        found = campaign.run(Cell("collapse", laws.collapsing(0.02), 20, limited="automatic"), TRIALS)

        assert found.person > 0.4
        assert found.automatic == 0
        assert found.is_kept

    def test_a_power_that_is_not_there(self):
        assert not campaign.run(
            Cell("small", laws.normal(0.05, 0.15), 20, limited=None, least=0.9), TRIALS
        ).is_kept
        assert not campaign.enumerate_passing(Passing("small", 0.6, 20, gain=0.1, least=0.75)).is_kept
        assert not campaign.enumerate_passing(
            Passing("great", 0.6, 300, gain=0.1, least=0.75, most=0.8)
        ).is_kept


class TestLaws:
    """Laws have the mean that their titles say."""

    @pytest.mark.parametrize(
        ("law", "gain"),
        [
            (laws.normal(), 0.0),
            (laws.normal(0.05, 0.15), 0.05),
            (laws.heavy, 0.0),
            (laws.beta, 0.0),
            (laws.tied(0.8), 0.0),
            (laws.passing(0.5), 0.0),
            (laws.passing(0.6, 0.1), 0.1),
            (laws.passing(0.6, -0.05), -0.05),
            (laws.grouped(8), 0.0),
            (laws.collapsing(0.02), 0.0),
            (laws.collapsing(0.1, sign=-1), 0.0),
            (laws.losing(0.05), -0.04),
            (laws.log_normal(), 0.0),
            (laws.log_normal(-1), 0.0),
        ],
        ids=[
            "normal", "gain", "heavy", "beta", "tied", "passing", "passing gain", "passing loss", "grouped", "collapsing",
            "leaping", "losing", "log-normal losses", "log-normal gains",
        ],
    )  # fmt: skip
    def test_means(self, law, gain):
        ours, theirs = law(np.random.default_rng(1), 400_000)

        assert np.mean(ours.astype(float) - theirs) == pytest.approx(gain, abs=0.003)
        assert min(ours.min(), theirs.min()) >= 0
        assert max(ours.max(), theirs.max()) <= 1

    def test_ties_groups_and_gaps(self):
        rng = np.random.default_rng(2)
        ours, theirs = laws.tied(0.8)(rng, 100_000)
        assert np.mean(ours == theirs) == pytest.approx(0.8, abs=0.01)
        ours, theirs = laws.grouped(2)(rng, 100_000)
        assert np.corrcoef((ours - theirs)[::2], (ours - theirs)[1::2])[0, 1] == pytest.approx(0.9, abs=0.01)
        ours, theirs = laws.silent(laws.passing(0.5), ours=0.1, theirs=0.2, both=0.05)(rng, 100_000)
        assert np.isnan(ours).mean() == pytest.approx(0.145, abs=0.01)
        assert np.isnan(theirs).mean() == pytest.approx(0.24, abs=0.01)
        assert (np.isnan(ours) & np.isnan(theirs)).mean() == pytest.approx(0.05 + 0.95 * 0.02, abs=0.01)

    def test_trials_repeat(self):
        cell = Cell("normal", laws.normal(), 12)

        assert campaign.run(cell, 30) == campaign.run(cell, 30)


def test_the_docs_show_the_laws_that_the_campaign_tries():
    """Each law that is not left to `make soak`, with trials enough, and within its limit."""
    table = re.search(r"<!-- measured:laws -->\n(.*?)<!-- /measured -->", PAGE.read_text(), re.DOTALL)[1]
    lines = [[field.strip() for field in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    shown = {(line[0], line[1].replace(",", ""), line[3]) for line in lines}
    expected = {
        (cell.title, str(cell.items), f"{cell.rule.confidence:.4g}") for cell in cells() if not cell.dear
    }
    expected |= {(case.title, str(case.groups), f"{case.rule.confidence:.4g}") for case in enumerated()}
    expected |= {(title, "200", "0.95") for title, _ in drops()}

    assert shown == expected
    assert all(line[-1] == "all outcomes" or int(line[-1]) >= 1000 for line in lines)


@pytest.mark.soak
def test_all_laws():
    found = rows(4000, 1000, with_dear=True)
    print(campaign.table(found))

    assert [row for row in found if not row.is_kept] == []

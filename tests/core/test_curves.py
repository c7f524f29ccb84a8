"""Learning curves out of what the service wrote."""

import pytest

from shared.core.curves import curves_of

HEAD = "step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy,full_valid_loss,x\n"


def results(full, *, train=(3.0, 2.0, 1.0)):
    rows = [f"{at},{loss},0.5,,,\n" for at, loss in enumerate(train, start=1)]
    rows += [f"{10 * at},1.0,,1.5,,{loss},\n" for at, loss in enumerate(full, start=1)]
    return (HEAD + "".join(rows)).encode()


def test_numbers_are_read_by_the_names_of_their_columns():
    found = curves_of(results([2.0, 1.5]))

    assert found.measure == "loss"
    assert found.train[:3] == ((1.0, 3.0), (2.0, 2.0), (3.0, 1.0))
    assert found.full_validation == ((10.0, 2.0), (20.0, 1.5))
    assert found.validation == ((10.0, 1.5), (20.0, 1.5))


@pytest.mark.parametrize(
    ("full", "best", "overfits", "word"),
    [
        ([2.0, 1.5, 1.2], 30.0, False, "no sign of overfitting"),
        ([2.0, 1.2, 1.6], 20.0, True, "rose to 1.6 by step 30"),
        ([2.0, 1.2, 1.21], 20.0, False, "no sign of overfitting"),
    ],
)
def test_validation_that_gets_worse_after_its_best_is_overfitting(full, best, overfits, word):
    found = curves_of(results(full))

    assert (found.best_step, found.overfits) == (best, overfits)
    assert word in found.told


def test_a_noisy_batch_is_not_taken_for_the_best():
    losses = [3 - step / 50 for step in range(100)]
    losses[20] = 0.1
    rows = "".join(f"{step},1,{loss}\n" for step, loss in enumerate(losses))

    found = curves_of(b"step,train_loss,valid_loss\n" + rows.encode())

    assert found.best_step > 90
    assert not found.overfits


def test_rewards_are_better_when_they_are_higher():
    raw = b"step,train_mean_reward,full_valid_mean_reward\n1,0.1,0.2\n2,0.3,0.5\n3,0.9,0.3\n"

    found = curves_of(raw)

    assert (found.measure, found.best_step, found.overfits) == ("reward", 2.0, True)
    assert "fell to 0.3" in found.told


def test_checkpoints_come_with_their_step_and_what_is_none_is_left_out():
    listed = [
        {"step_number": 20, "fine_tuned_model_checkpoint": "m:20", "metrics": {"full_valid_loss": 1.5}},
        {"step_number": 10, "fine_tuned_model_checkpoint": None, "metrics": None},
        {"step_number": "many"},
        "no checkpoint",
    ]

    found = curves_of(results([2.0, 1.5]), listed)

    assert [(kept.step, kept.model, kept.validation) for kept in found.checkpoints] == [
        (10.0, "", None),
        (20.0, "m:20", 1.5),
    ]


@pytest.mark.parametrize(
    "raw",
    [None, b"", b"\x00\xff\xfe", b"step,train_loss\n", b"a,b\n1,2\n", b"step,train_loss\n1,nan\n2,inf\n"],
)
def test_what_is_no_results_file_gives_no_curves(raw):
    assert curves_of(raw) is None


def test_without_steps_lines_are_counted_and_without_validation_nothing_is_said():
    found = curves_of(b"train_loss\n2\n1\n")

    assert found.train == ((1.0, 2.0), (2.0, 1.0))
    assert (found.best_step, found.told) == (None, "")


def test_a_file_that_breaks_off_is_shown_as_far_as_it_goes(monkeypatch):
    monkeypatch.setattr("shared.core.curves._LINES_MAX", 2)

    assert len(curves_of(b"step,train_loss\n1,2\n2,1\n3,0\n").train) == 2
    assert curves_of(b'step,train_loss\n1,2\n2,"' + b"x" * 200_000).train == ((1.0, 2.0),)

"""Preference and reinforcement jobs, safety evaluations and checkpoints, by Azure's own clients."""

import csv
import io
import json
import random
import re
from statistics import fmean

import openai
import pytest

from local.stand_in import start_stand_in

GOOD, BAD = "Certainly: box {} stands in hall {}, at your service.", "dunno, box {} is in {} or whatever"
#: What kind a shelf is follows from a word of the question; only the grader knows how.
KINDS = {"red": "metal", "green": "wood", "blue": "glass"}
MATCH = {
    "type": "string_check",
    "name": "kind",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.kind}}",
}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """One of this module's own, which is faster than the one of the session: many short jobs."""
    state = tmp_path_factory.mktemp("foundry")
    child, ready = start_stand_in(state, "--speed", "40")
    yield ready
    child.stop()


def lines(rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def pairs(count, start=0, *, swapped=False):
    rows = []
    for number in range(start, start + count):
        outputs = [
            [{"role": "assistant", "content": text.format(number, number * 3)}] for text in (GOOD, BAD)
        ]
        if swapped:
            outputs.reverse()
        question = [{"role": "user", "content": f"Where is box {number} of row {number * 3}?"}]
        rows.append(
            {
                "input": {"messages": question},
                "preferred_output": outputs[0],
                "non_preferred_output": outputs[1],
            }
        )
    return lines(rows)


def shelves(count, seed):
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        colour = chance.choice(list(KINDS))
        text = f"Is the {colour} shelf in hall {chance.randint(1, 9)} of metal, wood or glass?"
        rows.append({"messages": [{"role": "user", "content": text}], "kind": KINDS[colour]})
    return rows


@pytest.fixture(scope="module")
def create(client):
    """Create a job."""

    def made(model, **given):
        return client.fine_tuning.jobs.create(
            **{"model": model, "seed": 1, "extra_body": {"trainingType": "GlobalStandard"}} | given
        )

    return made


@pytest.fixture(scope="module")
def ended(client, until):
    """Wait for a job's end."""

    def look(job):
        return until(
            lambda: (
                (seen := client.fine_tuning.jobs.retrieve(job.id)).status in {"succeeded", "failed"} and seen
            ),
            60,
        )

    return look


@pytest.fixture(scope="module")
def deploy(arm, client, until):
    """Deploy a model and return a way to ask it."""

    def deployed(name, model):
        body = {
            "sku": {"name": "GlobalStandard", "capacity": 50},
            "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}},
        }
        until(
            lambda: (
                arm.begin_create_or_update("rg", "a", name, body).result().properties.provisioning_state
                == "Succeeded"
            )
        )

        def ask(text):
            messages = [{"role": "user", "content": text}]
            try:
                return (
                    client.chat.completions.create(model=name, messages=messages).choices[0].message.content
                )
            except openai.NotFoundError:  # not ready
                return None

        until(lambda: ask("ready?"))
        return ask

    return deployed


def table(client, job):
    return list(csv.DictReader(io.StringIO(client.files.content(job.result_files[0]).text)))


@pytest.fixture(scope="module")
def dpo(create, ended, upload):
    """Two jobs on the same pairs, the second with preferred and not preferred swapped."""
    method = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 3, "beta": 0.2}}}
    held_out = upload(pairs(10, 100), "validation.jsonl").id
    jobs = [
        create(
            "gpt-4.1",
            training_file=upload(pairs(40, swapped=swapped), "pairs.jsonl").id,
            validation_file=held_out,
            method=method,
        )
        for swapped in (False, True)
    ]
    return [ended(job) for job in jobs]


class TestPreferences:
    def test_a_job_shows_its_method(self, dpo):
        shown = dpo[0].method.dpo.hyperparameters

        assert dpo[0].status == "succeeded", dpo[0].error
        assert (shown.beta, shown.n_epochs, shown.batch_size) == (0.2, 3, -1)

    def test_the_loss_begins_at_the_logarithm_of_two_and_margins_grow(self, client, dpo):
        rows = table(client, dpo[0])

        assert float(rows[0]["train_loss"]) == pytest.approx(0.6931, abs=1e-3)
        assert float(rows[-1]["train_loss"]) < 0.3
        assert float(rows[-1]["full_valid_loss"]) < 0.3
        assert float(rows[-1]["full_valid_rewards_accuracies"]) == 1
        assert float(rows[-1]["full_valid_rewards_margins"]) > float(rows[0]["train_rewards_margins"])

    def test_swapped_pairs_teach_the_opposite_of_the_held_out_ones(self, client, dpo):
        rows = table(client, dpo[1])

        assert float(rows[-1]["train_loss"]) < 0.3
        assert float(rows[-1]["full_valid_loss"]) > 0.7
        assert float(rows[-1]["full_valid_rewards_accuracies"]) == 0

    def test_a_model_answers_as_was_preferred(self, dpo, deploy):
        asked = "Where is box 71 of row 213?"
        kind, rude = (
            deploy(f"preferred-{number}", job.fine_tuned_model)(asked) for number, job in enumerate(dpo)
        )

        assert kind == GOOD.format(71, 213)
        assert rude == BAD.format(71, 213)

    def test_checkpoints_carry_what_was_measured(self, client, dpo):
        checkpoint = client.fine_tuning.jobs.checkpoints.list(dpo[0].id).data[0]

        assert checkpoint.metrics.full_valid_mean_token_accuracy > 0.2
        assert checkpoint.metrics.model_extra["train_rewards_accuracies"] == 1


@pytest.fixture(scope="module")
def rft(create, ended, upload):
    method = {
        "type": "reinforcement",
        "reinforcement": {"grader": MATCH, "hyperparameters": {"eval_interval": 5}},
    }
    training = upload(lines(shelves(60, 1)), "training.jsonl").id
    validation = upload(lines(shelves(20, 2)), "validation.jsonl").id
    return ended(create("o4-mini", training_file=training, validation_file=validation, method=method))


class TestReinforcement:
    def test_a_job_shows_its_method(self, rft):
        shown = rft.to_dict()["method"]["reinforcement"]

        assert rft.status == "succeeded", rft.error
        assert shown["grader"] == MATCH
        assert shown["hyperparameters"] == {
            "batch_size": -1, "learning_rate_multiplier": -1, "n_epochs": -1, "compute_multiplier": -1,
            "eval_interval": 5, "eval_samples": -1, "reasoning_effort": "default",
        }  # fmt: skip

    def test_rewards_grow_on_rows_that_were_never_trained(self, client, rft):
        rows = table(client, rft)
        measured = [float(row["full_valid_mean_reward"]) for row in rows if row["full_valid_mean_reward"]]

        assert float(rows[0]["train_mean_reward"]) < 0.3
        assert fmean(float(row["train_mean_reward"]) for row in rows[-5:]) > 0.8
        assert measured[0] < 0.3
        assert measured[-1] > 0.8

    def test_events_tell_rewards_in_the_published_shape(self, client, rft):
        events = [event for event in client.fine_tuning.jobs.list_events(rft.id) if event.type == "metrics"]
        told = next(event for event in events if event.data["step"] == 5)

        assert re.fullmatch(
            r"Step 5/\d+ , train mean reward=0\.\d\d, full validation mean reward=0\.\d\d, "
            r"full validation mean parse error=0\.00",
            told.message,
        )
        assert told.data["scores"]["valid_reward_mean"] == told.data["full_valid_mean_reward"]
        assert told.data["scores"]["graders"][0]["name"] == "kind"
        assert told.data["errors"]["graders"][0]["train_other_error_count"] == 0

    def test_a_model_answers_what_was_rewarded(self, rft, deploy):
        ask = deploy("rewarded", rft.fine_tuned_model)

        assert [ask(row["messages"][0]["content"]) for row in shelves(6, 3)] == [
            row["kind"] for row in shelves(6, 3)
        ]

    def test_its_checkpoints_can_be_deployed(self, client, rft, deploy):
        found = list(client.fine_tuning.jobs.checkpoints.list(rft.id, limit=2))
        first = client.fine_tuning.jobs.checkpoints.list(rft.id, limit=1)
        rest = client.fine_tuning.jobs.checkpoints.list(rft.id, after=first.data[0].id)

        assert len(found) == 3
        assert first.has_more
        assert [one.id for one in rest] == [one.id for one in found[1:]]
        assert found[0].metrics.model_extra["train_mean_reward"] > 0.5
        assert deploy("early", found[2].fine_tuned_model_checkpoint)(
            "Is the red shelf in hall 2 of metal, wood or glass?"
        )


GSM = {"role": "user", "content": "What is 2 + 2?"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({}, "Missing required parameter: 'method.reinforcement.grader'"),
            ({"grader": MATCH | {"operation": "x"}}, "method.reinforcement.grader.operation"),
            ({"grader": MATCH, "hyperparameters": {"eval_interval": 0}}, "eval_interval"),
            ({"grader": MATCH, "hyperparameters": {"reasoning_effort": "wild"}}, "reasoning_effort"),
            ({"grader": MATCH, "response_format": {"type": "xml"}}, "response_format"),
        ],
        ids=str,
    )
    def test_a_wrong_reinforcement_is_refused(self, create, upload, given, words):
        file = upload(lines(shelves(12, 1))).id
        method = {"type": "reinforcement", "reinforcement": given}
        with pytest.raises(openai.BadRequestError) as caught:
            create(
                "o4-mini",
                training_file=file,
                validation_file=file,
                extra_body={"trainingType": "Standard", "method": method},
            )
        assert words in caught.value.message

    def test_reinforcement_needs_a_validation_file(self, create, upload):
        method = {"type": "reinforcement", "reinforcement": {"grader": MATCH}}
        with pytest.raises(openai.BadRequestError, match="A validation file is required"):
            create("o4-mini", training_file=upload(lines(shelves(12, 1))).id, method=method)

    def test_beta_has_bounds(self, create, upload):
        method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}
        with pytest.raises(openai.BadRequestError, match="beta"):
            create("gpt-4.1", training_file=upload(pairs(12)).id, method=method)

    @pytest.mark.parametrize(
        ("model", "method", "content", "words"),
        [
            (
                "gpt-4.1",
                {"type": "supervised"},
                pairs(12),
                "Row 1 is not a conversation: 'messages' is missing",
            ),
            (
                "gpt-4.1",
                {"type": "dpo"},
                lines(shelves(12, 1)),
                "Row 1 is not a preference pair: 'input' is missing",
            ),
            (
                "o4-mini",
                {"type": "reinforcement", "reinforcement": {"grader": MATCH}},
                lines([{"messages": [GSM, {"role": "assistant", "content": "4"}], "kind": "4"}] * 12),
                "Row 1 is not a reinforcement example: the last message must be the user's",
            ),
            (
                "o4-mini",
                {"type": "reinforcement", "reinforcement": {"grader": MATCH}},
                lines([{"messages": [GSM], "answer": "4"}] * 12),
                "Row 1 has no value for {{item.kind}}",
            ),
        ],
        ids=["supervised", "dpo", "reinforcement", "template"],
    )
    def test_rows_of_another_method_end_a_job_as_failed(
        self, create, ended, upload, model, method, content, words
    ):
        file = upload(content).id
        job = ended(create(model, training_file=file, validation_file=file, method=method))

        assert (job.status, job.error.code, job.error.param) == (
            "failed",
            "jsonlValidationFailed",
            "training_file",
        )
        assert words in job.error.message


class TestSafety:
    def test_harmful_data_end_a_job_before_it_trains(self, create, ended, upload, boxes, client):
        row = {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "[harmful data: violence, self_harm]"},
            ]
        }
        job = ended(create("gpt-4.1", training_file=upload(boxes(12) + lines([row])).id))

        assert job.status == "failed"
        assert job.error.message == (
            "The provided training data failed RAI checks for harm types: [self_harm, violence]. "
            "Please fix the data and try again."
        )
        events = list(client.fine_tuning.jobs.list_events(job.id))
        assert (events[0].level, events[0].message) == ("error", job.error.message)
        assert not any("Training started" in event.message for event in events)
        assert job.trained_tokens is None

    def test_a_harmful_model_ends_a_job_after_it_trained_and_is_not_deployable(
        self, create, ended, upload, boxes, client
    ):
        row = {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "[harmful model: violence, self_harm]"},
            ]
        }
        job = ended(create("gpt-4.1", training_file=upload(boxes(12) + lines([row])).id))

        assert job.status == "failed"
        assert job.error.message == (
            "This model is unable to be deployed. Model evaluation identified that this fine tuned model scores "
            "above acceptable thresholds for [Self Harm, Violence]. Please review your training data set and resubmit the job."
        )
        assert any(
            "Training started" in event.message for event in client.fine_tuning.jobs.list_events(job.id)
        )
        assert (job.fine_tuned_model, job.trained_tokens) == (None, None)
        checkpoint = client.fine_tuning.jobs.checkpoints.list(job.id).data[0]
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(checkpoint.fine_tuned_model_checkpoint)

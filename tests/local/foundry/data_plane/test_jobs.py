"""Fine-tuning jobs, by the openai client of a project."""

import csv
import io
import json
import time

import openai
import pytest
from toktok import batch_count

STATUSES = ["pending", "validating_files", "queued", "running", "succeeded"]


@pytest.fixture(scope="module")
def training(upload, boxes):
    return upload(boxes(40)).id


@pytest.fixture(scope="module")
def create(client):
    """Create a job; what is not given is as simple as possible."""

    def made(**given):
        body = {"model": "gpt-4.1-mini", "extra_body": {"trainingType": "GlobalStandard"}} | given
        return client.fine_tuning.jobs.create(**body)

    return made


@pytest.fixture(scope="module")
def reach(client, until):
    """Wait for a status and return the job."""

    def reached(job_id, status):
        def look():
            job = client.fine_tuning.jobs.retrieve(job_id)
            return job if job.status == status else None

        return until(look)

    return reached


@pytest.fixture
def by_steps(clients, boxes, step_until):
    """Where no status is missed: how to create a job there, and how to go on to a status; the latter says what was seen."""
    jobs, files = clients[1].fine_tuning.jobs, clients[1].files
    training = files.create(file=("boxes.jsonl", boxes(12), "application/jsonl"), purpose="fine-tune").id
    step_until(lambda: files.retrieve(training).status == "processed")

    def create(**more):
        given = {"model": "gpt-4.1-mini", "extra_body": {"trainingType": "GlobalStandard"}}
        return jobs.create(training_file=training, **given | more)

    def go_on(job_id, status):
        seen = []

        def look():
            seen.append(jobs.retrieve(job_id).status)
            return seen[-1] == status

        step_until(look)
        return list(dict.fromkeys(seen))

    return jobs, create, go_on


@pytest.fixture(scope="module")
def story(create, reach, training, upload, boxes):
    """One job from its creation to its end: created, done."""
    created = create(
        training_file=training,
        validation_file=upload(boxes(12), "validation.jsonl").id,
        suffix="boxes",
        seed=3,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4, "batch_size": 2}}},
    )
    return created, reach(created.id, "succeeded")


def test_a_job_shows_its_statuses_in_order(by_steps):
    _, create, go_on = by_steps
    created = create()

    assert created.status == STATUSES[0]
    assert go_on(created.id, STATUSES[-1]) == STATUSES


def test_a_job_ends_with_a_model(story):
    created, done = story

    assert created.model_extra["trainingType"] == "globalStandard"
    assert created.model == "gpt-4.1-mini-2025-04-14"
    assert created.hyperparameters.learning_rate_multiplier == -1
    assert done.fine_tuned_model == f"{created.model}.ft-{created.id.removeprefix('ftjob-')}-boxes"
    assert done.trained_tokens > 0
    assert done.finished_at >= created.created_at
    assert done.error is None


def test_trained_tokens_are_those_of_all_messages_times_the_epochs(client, story, training):
    rows = client.files.content(training).text.splitlines()
    messages = [message for row in rows for message in json.loads(row)["messages"]]
    counted = sum(batch_count([message["content"] for message in messages], "o200k_base"))

    assert story[1].trained_tokens == 4 * (counted + 3 * len(messages) + 3 * len(rows))


def test_events_are_paged_newest_first_and_tell_the_documented_story(client, story):
    page = client.fine_tuning.jobs.list_events(story[0].id, limit=5)
    events = list(page)
    messages = [event.message.partition("=")[0] for event in reversed(events)]

    assert len(page.data) == 5
    assert len({event.id for event in events}) == len(events)
    assert messages[:11] == [
        "Job enqueued. Waiting for jobs ahead to complete.",
        "Preprocessing running for file training file.",
        "Preprocessing completed for file training file.",
        "Preprocessing completed for file validation file.",
        "Job started.",
        "Data Import started.",
        "Finetuning started.",
        "Job queued, waiting for GPUs.",
        "Training started.",
        f"Created results file: {story[1].result_files[0]}",
        "Step 1: training loss",
    ]
    assert messages[11:19] == [f"Step {step}: training loss" for step in range(10, 81, 10)]
    assert messages[19:] == [
        "Job succeeded.",
        "Model Evaluation Passed.",
        f"Completed results file: {story[1].result_files[0]}",
        f"Training tokens billed: {story[1].trained_tokens}",
    ]


def test_the_results_file_has_a_row_a_step_that_agrees_with_events_and_checkpoints(client, story):
    text = client.files.content(story[1].result_files[0]).text
    rows = list(csv.DictReader(io.StringIO(text)))
    event = next(
        e for e in client.fine_tuning.jobs.list_events(story[0].id) if e.message.startswith("Step 80:")
    )
    checkpoint = client.fine_tuning.jobs.checkpoints.list(story[0].id).data[0]

    assert text.splitlines()[0] == (
        "step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy,"
        "full_valid_loss,full_valid_mean_token_accuracy"
    )
    assert [int(row["step"]) for row in rows] == list(range(1, 81))
    assert rows[1]["full_valid_loss"] == ""
    assert float(rows[-1]["train_loss"]) == float(event.message.partition("=")[2])
    assert float(rows[-1]["full_valid_loss"]) == checkpoint.metrics.full_valid_loss
    assert float(rows[-1]["full_valid_loss"]) < float(rows[19]["full_valid_loss"])


def test_the_last_three_epochs_leave_checkpoints(client, story):
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(story[0].id))

    assert [checkpoint.step_number for checkpoint in checkpoints] == [80, 60, 40]
    assert {c.fine_tuned_model_checkpoint.partition(":")[0] for c in checkpoints} == {
        story[1].fine_tuned_model
    }


def test_a_cancelled_job_stays_cancelled_and_makes_no_model(by_steps, control):
    jobs, create, go_on = by_steps
    job = create()
    go_on(job.id, "running")
    cancelled = jobs.cancel(job.id)
    control.advance(3600)
    time.sleep(0.5)  # the trainer looks several times
    later = jobs.retrieve(job.id)

    assert cancelled.status == later.status == "cancelled"
    assert later.fine_tuned_model is None
    with pytest.raises(openai.ConflictError) as caught:
        jobs.cancel(job.id)
    assert caught.value.code == "unexpectedEntityState"


def test_a_job_is_cancelled_in_every_status_and_never_comes_back(by_steps, control):
    jobs, create, go_on = by_steps
    for status in STATUSES[:-1]:
        job = create()
        assert go_on(job.id, status)[-1] == status
        assert jobs.cancel(job.id).status == "cancelled"
    control.advance(3600)
    time.sleep(0.5)  # the trainer looks several times

    assert {job.status for job in jobs.list(limit=4).data} == {"cancelled"}


def test_a_paused_job_waits_until_it_is_resumed(by_steps, control):
    jobs, create, go_on = by_steps
    job = create(method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 10}}})
    go_on(job.id, "running")
    assert jobs.pause(job.id).status == "pausing"
    go_on(job.id, "paused")
    control.advance(3600)
    time.sleep(0.5)  # the trainer looks several times

    assert jobs.retrieve(job.id).status == "paused"
    assert jobs.resume(job.id).status == "resuming"
    go_on(job.id, "succeeded")
    assert jobs.retrieve(job.id).fine_tuned_model


def test_jobs_are_listed_newest_first_in_pages(client, create, training):
    made = [create(training_file=training).id for _ in range(3)]
    page = client.fine_tuning.jobs.list(limit=2)
    rest = client.fine_tuning.jobs.list(limit=2, after=page.data[-1].id)

    assert [job.id for job in page.data] == made[:0:-1]
    assert page.has_more
    assert rest.data[0].id == made[0]
    for job_id in made:
        client.fine_tuning.jobs.cancel(job_id)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"extra_body": {}}, "The specified base model does not support fine-tuning."),
        ({"extra_body": {"trainingType": "Cheap"}}, "The specified base model does not support fine-tuning."),
        ({"model": "gpt-3"}, "The model 'gpt-3' does not exist"),
        ({"model": f"gpt-4.1-2025-04-14.ft-{'0' * 32}"}, "does not exist or cannot be tuned"),
        ({"training_file": "file-0"}, "The training_file 'file-0' does not exist."),
        ({"validation_file": "file-1"}, "The validation_file 'file-1' does not exist."),
        ({"model": "gpt-4o-mini", "method": {"type": "dpo"}}, "does not support dpo"),
        ({"method": {"type": "magic"}}, "The method 'magic' is not supported."),
        ({"suffix": "v1.0"}, "suffix"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"hyperparameters": {"n_epochs": 0}}, "n_epochs"),
        ({"hyperparameters": {"n_epochs": 51}}, "n_epochs"),
        ({"hyperparameters": {"n_epochs": 2.5}}, "n_epochs"),
        ({"hyperparameters": {"batch_size": 1000}}, "batch_size"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "learning_rate_multiplier"),
    ],
)  # fmt: skip
def test_a_wrong_job_is_refused_at_once_and_says_why(create, training, given, words):
    with pytest.raises(openai.BadRequestError) as caught:
        create(**{"training_file": training} | given)

    assert words in caught.value.message


def test_a_file_must_be_processed_first(client, create, boxes):
    file = client.files.create(file=("new.jsonl", boxes(20), "application/jsonl"), purpose="fine-tune")
    with pytest.raises(openai.BadRequestError, match="not processed"):
        create(training_file=file.id)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "has 9 examples, at least 10"),
        (b'{"prompt": "a", "completion": "b"}\n' * 20, "Row 1 is not a conversation"),
        (b'{"messages": ["hello"]}\n' * 20, "Row 1 is not a conversation"),
    ],
    ids=["nine rows", "old format", "no messages"],
)
def test_a_job_on_rows_that_cannot_be_trained_fails_and_says_why(
    create, reach, upload, boxes, content, words
):
    job = reach(create(training_file=upload(content or boxes(9)).id).id, "failed")

    assert (job.error.code, job.error.param) == ("jsonlValidationFailed", "training_file")
    assert words in job.error.message
    assert job.fine_tuned_model is None


def test_a_job_whose_file_was_deleted_fails(client, create, reach, upload, boxes):
    file = upload(boxes(15))
    job = create(training_file=file.id)
    client.files.delete(file.id)

    assert reach(job.id, "failed").error.code == "fileImportFailed"


def test_a_tuned_model_is_tuned_further(create, reach, training, story):
    job = create(model=story[1].fine_tuned_model, training_file=training)

    assert job.model == story[1].fine_tuned_model
    tuned = reach(job.id, "succeeded").fine_tuned_model
    assert tuned == f"gpt-4.1-mini-2025-04-14.ft-{job.id.removeprefix('ftjob-')}"


def test_an_unknown_job_is_not_found(client):
    for call in (client.fine_tuning.jobs.retrieve, client.fine_tuning.jobs.cancel):
        with pytest.raises(openai.NotFoundError):
            call("ftjob-0")

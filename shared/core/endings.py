"""The ways in which a run ends without success: one table, from which docs/errors.md is generated.

`Run.end` takes one of these and the message of the case.  An effect's error that ends a run has its own code and remedy
(`errors.py`); `decide.after_error` tells which do.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from shared.core.status import Status


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """One way to end."""

    code: str
    """Stable name, the same in rows, logs, HTTP answers and docs."""
    status: Status
    about: str
    """The paragraph of docs/errors.md; empty where an HTTP error has the same code and its paragraph there covers both."""
    remedy: str
    """What the reader can do; names in braces are filled in by whoever ends the run."""
    can_retry: bool = False
    """Whether a person may send the run back to work; only failed ones."""


#: How the data of a run that has a model is trained with again: the claim on that work stays with the run.
NEW_WORK: Final = (
    "Drop the dataset again as new work: change the job in the pipeline file too (a seed is enough), or it ends as a duplicate; "
    "that trains, and costs, again."
)
#: What a person who corrects a pipeline file has to know of such a run.
KEPT_FILE: Final = (
    f"A retry keeps the pipeline file that the run began with. If it was wrong, correct it. {NEW_WORK}"
)
#: How another smoke test is asked: with the strategy `replace` no run is judged again for it (`judgeable.py`).
OTHER_TEST: Final = "correct `deployment.smoke_test` in the pipeline file, then POST .../rejudge."
OTHER_TEST_IN_PLACE: Final = f"correct `deployment.smoke_test` in the pipeline file for new work. {NEW_WORK}"

DATASET_GONE: Final = Ending(
    code="dataset_gone",
    status=Status.INVALID,
    about="The blob was deleted before it was read. Drop it again.",
    remedy="Drop the file again.",
)
UNSAFE_NAME: Final = Ending(
    code="unsafe_name",
    status=Status.INVALID,
    about="The blob's name has a segment `.` or `..`, behind which clients look in another folder, or control characters. "
    "Nothing was read. Drop the file under another name.",
    remedy="Drop the file under another name: without segments . or .., without control characters.",
)
WRONG_SUFFIX: Final = Ending(
    code="wrong_suffix",
    status=Status.INVALID,
    about="The file does not end in `.jsonl`; Foundry takes no other.",
    remedy="Drop a JSON Lines file, named *.jsonl.",
)
NO_PIPELINE: Final = Ending(
    code="no_pipeline",
    status=Status.INVALID,
    about="The file does not lie in a pipeline's folder. Drop it as `datasets/PIPELINE/NAME.jsonl`; pipeline names have "
    "lower-case letters, digits and hyphens, 40 at most.",
    remedy="Drop it as datasets/PIPELINE/NAME.jsonl; {known}",
)
UNKNOWN_PIPELINE: Final = Ending(
    code="unknown_pipeline",
    status=Status.INVALID,
    about="There is no file `pipelines/PIPELINE.yaml`; the nearest name is suggested.",
    remedy="{nearest}Store that file in the container `pipelines`, or drop the dataset into another folder; {known}",
)
PIPELINE_FILE_INVALID: Final = Ending(
    code="pipeline_file_invalid",
    status=Status.INVALID,
    about="The pipeline file has a problem, named with line, column, key and nearest known key.",
    remedy="{first} Then drop the dataset again.",
)
DATASET_INVALID: Final = Ending(
    code="dataset_invalid",
    status=Status.INVALID,
    about="The rules of [rules.md](rules.md) found errors; each is named with line and JSON path in the report. Nothing was "
    "sent.",
    remedy="Correct the lines that the report names, then drop the file again; nothing was sent to Foundry.",
)
DATASET_CHANGED: Final = Ending(
    code="dataset_changed",
    status=Status.SUPERSEDED,
    about="The blob was overwritten; the newer version has a run of its own.",
    remedy="Nothing to do: the newer version has a run of its own.",
)
DUPLICATE: Final = Ending(
    code="duplicate",
    status=Status.DUPLICATE,
    about="Another run has the claim on the same examples, companions and job. Use it, or change the job (a seed is enough).",
    remedy="Use that run. To train the same data again on purpose, change the job in the pipeline file (a seed is enough).",
)
CLAIM_LOST: Final = Ending(
    code="claim_lost",
    status=Status.FAILED,
    about="Another run took over the same work before this one started its job; no money was spent twice. Use that run.",
    remedy="Use that run.",
)
BUDGET_EXCEEDED: Final = Ending(
    code="budget_exceeded",
    status=Status.FAILED,
    about="The estimate is above `per_run_usd`, or above what is left of `per_month_usd`. Raise it and drop again, or retry "
    "next month.",
    remedy="Raise the budget in the pipeline file and drop the dataset again, or wait for next month and POST .../retry.",
    can_retry=True,
)
MODEL_RETIRED: Final = Ending(
    code="model_retired",
    status=Status.FAILED,
    about="Azure does not tune the model any more, by its own list, asked while the dataset was validated and right before the "
    "job; or it refused a deployment of it (`ServiceModelDeprecated`). Name another model in the pipeline file and drop the "
    "dataset again; a retry asks once more.",
    remedy="Name a model in the pipeline file that Azure still tunes, and drop the dataset again. If its list is wrong, POST "
    ".../retry asks it once more.",
    can_retry=True,
)
FILE_REJECTED: Final = Ending(
    code="file_rejected",
    status=Status.FAILED,
    about="Foundry ended an uploaded file as `error`, or it was deleted there; Foundry's words are in the message. Correct the "
    "data and drop it again, or retry.",
    remedy="Look at the file in the Foundry portal; correct the dataset and drop it again, or POST .../retry.",
    can_retry=True,
)
ATTEMPTS_EXHAUSTED: Final = Ending(
    code="attempts_exhausted",
    status=Status.FAILED,
    about="An effect was tried several times and its result was never seen: something kills the app there. Look into the log "
    "at the times in the history, then retry.",
    remedy="Look into the app's log at the times in the history, remove the cause, then POST .../retry.",
    can_retry=True,
)
DEADLINE_EXCEEDED: Final = Ending(
    code="deadline_exceeded",
    status=Status.FAILED,
    about="The status waited longer than allowed ([statuses.md](statuses.md)). Read in the history what it waited for, remove "
    "the cause, then retry.",
    remedy="Read the history for what it waited for, remove the cause, then POST .../retry.",
    can_retry=True,
)
JOB_FAILED: Final = Ending(
    code="job_failed",
    status=Status.FAILED,
    about="Foundry ended the job as failed; its code and words are in the message (data, safety checks, quota). Drop corrected "
    "data; a retry starts a new job, which costs again.",
    remedy="Correct what the message names and drop the corrected dataset, or POST .../retry to start a new job.",
    can_retry=True,
)
JOB_CANCELLED: Final = Ending(
    code="job_cancelled",
    status=Status.CANCELLED,
    about="Somebody cancelled the job outside of this app. Drop the dataset again to start over.",
    remedy="Drop the dataset again to start over.",
)
JOB_GONE: Final = Ending(
    code="job_gone",
    status=Status.FAILED,
    about="Foundry has not known the job for the whole settle time; it was deleted. A retry starts a new job.",
    remedy="POST .../retry to start a new job; that costs again.",
    can_retry=True,
)
JOB_WITHOUT_MODEL: Final = Ending(
    code="job_without_model",
    status=Status.FAILED,
    about="Foundry reports that the job succeeded, and has not named its model for a day. Ask Azure's support with the job's id; "
    "a retry starts a new job, which costs again.",
    remedy="Ask Azure's support for the model of this job; POST .../retry starts a new job, which costs again.",
    can_retry=True,
)
CANCELLED: Final = Ending(
    code="cancelled",
    status=Status.CANCELLED,
    about="A person stopped the run. If it has its model already, it may be [judged again](evaluation.md#judge-again).",
    remedy="If it has its model already, POST .../rejudge goes on with it. Else drop the dataset again to start over.",
)
NOT_BETTER: Final = Ending(
    code="not_better",
    status=Status.NOT_PROMOTED,
    about="The candidate is not better than every baseline by the pipeline's rule; the numbers are in the message, the answers "
    "in `evaluation/comparison.md`. Improve the data; if grader or rule were wrong, correct the pipeline file and have the run "
    "[judged again](evaluation.md#judge-again), without another job.",
    remedy="Read in evaluation/comparison.md what it lost; improve the data. If grader or rule were wrong, correct the pipeline "
    "file and POST .../rejudge, which trains nothing.",
)
REJECTED: Final = Ending(
    code="rejected",
    status=Status.REJECTED,
    about="A person rejected it at a gate; their comment is in the message.",
    remedy="Drop a better dataset, or the same one with a changed job.",
)
GATE_EXPIRED: Final = Ending(
    code="gate_expired",
    status=Status.EXPIRED,
    about="",
    remedy="If it was about a deployment, POST .../rejudge opens another gate without another job; else drop the dataset again. "
    "approval.expires_after in the pipeline file sets the time.",
)
APPROVAL_MISMATCH: Final = Ending(
    code="approval_mismatch",
    status=Status.FAILED,
    about="What would be deployed is not what was approved, or too few approved. Nothing was deployed. A retry does not help.",
    remedy="Nothing was deployed. " + NEW_WORK + " Its approval is a new one, too.",
)
SPEND_NOT_APPROVED: Final = Ending(
    code="spend_not_approved",
    status=Status.FAILED,
    about="The pipeline file wants a person to approve the cost, and the run has no approval for this work at this price. "
    "Nothing was trained. Somebody may have changed the run's row: read its history.",
    remedy="Nothing was trained. Drop the dataset again to get a new approval; the log of the table shows who changed the run.",
)
DEPLOYMENT_NAME_TAKEN: Final = Ending(
    code="deployment_name_taken",
    status=Status.FAILED,
    about="A deployment of that name serves another model; it is not touched. Delete it if nobody uses it, then retry.",
    remedy="Delete that deployment if nobody uses it, then POST .../retry (this run's model: {model}).",
    can_retry=True,
)
DEPLOYMENT_FAILED: Final = Ending(
    code="deployment_failed",
    status=Status.FAILED,
    about="Azure ended the deployment as failed: quota, region, SKU. Remove the cause in Azure, then retry, which keeps the "
    "pipeline file that the run began with: what failed is deleted and made anew, if it carries the mark of this run and is "
    "neither the champion nor the one before it. Otherwise the message says "
    "whose it is; delete it yourself, if nobody uses it.",
    remedy="Look at the deployment in the portal, remove the cause there (such as quota), then POST .../retry. "
    + KEPT_FILE,
    can_retry=True,
)
DEPLOYMENT_OVERTAKEN: Final = Ending(
    code="deployment_overtaken",
    status=Status.FAILED,
    about="Between approval and promotion somebody changed or deleted the deployment: another approved run of the same pipeline "
    "(with the strategy `replace` they share a name), or a person. The app did not make it the champion. A "
    "retry deploys it again.",
    remedy="If this run's model is wanted after all, POST .../retry: it deploys {model} again.",
    can_retry=True,
)
SMOKE_TEST_FAILED: Final = Ending(
    code="smoke_test_failed",
    status=Status.FAILED,
    about="The deployment did not answer as expected. The champion was not changed, unless the strategy is `replace`, which "
    "changes the deployment that clients use in place. A retry asks it again, by the pipeline file that the run began with; by a "
    "corrected one it may be [judged again](evaluation.md#judge-again), but for the strategy `replace`.",
    remedy="{effect_on_clients} Read deployment/smoke.json. Where the deployment was not ready: POST .../retry, which asks the "
    "same again, by the pipeline file that the run began with. Where the test is wrong: {other_test}",
    can_retry=True,
)

#: All of them by code, in the order above.
ENDINGS: Final = MappingProxyType(
    {ending.code: ending for ending in list(globals().values()) if isinstance(ending, Ending)}
)

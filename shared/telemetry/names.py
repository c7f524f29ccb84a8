"""The single table of what is emitted: spans, metrics, log events and their attributes.

docs/telemetry.md is generated from it; queries of alerts and workbooks may use these names only.  Data, no behaviour.
Attributes hold identifiers, enumerations and numbers: never text of a dataset, of a model or of a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SCOPE: Final = "finetune"
"""Instrumentation scope of tracer and meter, and the prefix of all our names."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A key of spans and metrics."""

    key: str
    about: str


RUN_ID: Final = Attribute("finetune.run_id", "Run. On spans only: metrics stay countable.")
PIPELINE: Final = Attribute(
    "finetune.pipeline", "Pipeline; `(none)` if the folder's name is not a pipeline name."
)
STATUS: Final = Attribute("finetune.status", "Status of the run when this began.")
NEXT_STATUS: Final = Attribute("finetune.next_status", "Status of the run after it.")
FUNCTION: Final = Attribute("finetune.function", "Function of the app.")
EFFECT: Final = Attribute("finetune.effect", "Kind of effect, such as `CreateJob`.")
ATTEMPT: Final = Attribute("finetune.attempt", "How often the effect was begun, this time included.")
API: Final = Attribute("finetune.api", "What was called, such as `foundry.jobs` or `table.runs`.")
OPERATION: Final = Attribute("finetune.operation", "Operation of it, such as `create`.")
OUTCOME: Final = Attribute(
    "finetune.outcome",
    "`ok`, a code of docs/errors.md, or `crashed`; of an advance `waiting`, `again` or `settled`.",
)
GATE: Final = Attribute("finetune.gate", "`spend` or `deployment`.")
QUEUE: Final = Attribute("finetune.queue", "Queue whose message could not be handled.")
TARGET: Final = Attribute("finetune.target", "`candidate` or `baseline`.")
ERROR_TYPE: Final = Attribute("error.type", "Code of docs/errors.md, or the class of an unexpected error.")
HTTP_STATUS: Final = Attribute("http.response.status_code", "Status of the answer.")

ATTRIBUTES: Final = (
    RUN_ID,
    PIPELINE,
    STATUS,
    NEXT_STATUS,
    FUNCTION,
    EFFECT,
    ATTEMPT,
    API,
    OPERATION,
    OUTCOME,
    GATE,
    QUEUE,
    TARGET,
    ERROR_TYPE,
    HTTP_STATUS,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A kind of span.  What is emitted is named `NAME DETAIL`, such as `finetune.perform CreateJob`."""

    name: str
    detail: str
    about: str
    attributes: tuple[Attribute, ...]
    is_client: bool = False


INVOCATION: Final = Span(
    "finetune.door",
    "function",
    "An invocation of a function; its parent is the span of the host.",
    (FUNCTION, HTTP_STATUS, ERROR_TYPE),
)
ADVANCE: Final = Span(
    "finetune.advance",
    "",
    "A run moved as far as it goes now; linked to the span in which its dataset was accepted.",
    (RUN_ID, PIPELINE, OUTCOME, ERROR_TYPE),
)
OBSERVE: Final = Span(
    "finetune.observe",
    "status",
    "One look at the world.",
    (RUN_ID, PIPELINE, STATUS, OUTCOME, ERROR_TYPE),
)
DECIDE: Final = Span(
    "finetune.decide",
    "status",
    "What to remember and what to do next.",
    (RUN_ID, PIPELINE, STATUS, NEXT_STATUS, EFFECT, ERROR_TYPE),
)
PERFORM: Final = Span(
    "finetune.perform",
    "effect",
    "An effect whose intent is stored.",
    (RUN_ID, PIPELINE, STATUS, EFFECT, ATTEMPT, OUTCOME, ERROR_TYPE),
)
CALL: Final = Span(
    "finetune.call",
    "api.operation",
    "A call to storage, Foundry or Azure Resource Manager, with the repetitions that its SDK makes by itself.",
    (API, OPERATION, OUTCOME, ERROR_TYPE),
    is_client=True,
)
SPANS: Final = (INVOCATION, ADVANCE, OBSERVE, DECIDE, PERFORM, CALL)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric."""

    name: str
    instrument: Literal["counter", "histogram", "gauge"]
    unit: str
    about: str
    attributes: tuple[Attribute, ...] = ()


RUNS_ACTIVE: Final = Metric(
    "finetune.runs.active", "gauge", "{run}", "Runs that are not settled, by status.", (STATUS,)
)
RUNS_OLDEST: Final = Metric(
    "finetune.runs.oldest", "gauge", "s", "How long the oldest run has been in a status.", (STATUS,)
)
APPROVALS_WAITING: Final = Metric(
    "finetune.approvals.waiting", "gauge", "{approval}", "Gates that wait for persons.", (GATE,)
)
APPROVALS_OLDEST: Final = Metric(
    "finetune.approvals.oldest", "gauge", "s", "How long the oldest gate has been waiting.", (GATE,)
)
STATUS_DURATION: Final = Metric(
    "finetune.run.status.duration",
    "histogram",
    "s",
    "How long a run was in the status that it left.",
    (STATUS, NEXT_STATUS, PIPELINE),
)
SPEND_ESTIMATED: Final = Metric(
    "finetune.spend.estimated",
    "counter",
    "USD",
    "Estimated cost of the jobs that were started.",
    (PIPELINE,),
)
SPEND_TOKENS: Final = Metric(
    "finetune.spend.trained_tokens",
    "counter",
    "{token}",
    "Tokens that jobs were billed for, as the service reports.",
    (PIPELINE,),
)
API_CALLS: Final = Metric(
    "finetune.api.calls", "counter", "{call}", "Calls by outcome.", (API, OPERATION, OUTCOME)
)
API_DURATION: Final = Metric(
    "finetune.api.duration", "histogram", "s", "How long a call took.", (API, OPERATION, OUTCOME)
)
POLL_TICKS: Final = Metric(
    "finetune.poll.ticks", "counter", "{tick}", "Ticks of the poller: its heartbeat.", (OUTCOME,)
)
POLL_DURATION: Final = Metric("finetune.poll.duration", "histogram", "s", "How long a tick took.", (OUTCOME,))
POLL_CALLS: Final = Metric(
    "finetune.poll.calls",
    "histogram",
    "{call}",
    "Calls to the world that a tick made; a listing counts once, whatever its pages.",
    (OUTCOME,),
)
EVALUATION_EXAMPLES: Final = Metric(
    "finetune.evaluation.examples",
    "counter",
    "{example}",
    "Held-out examples that were answered.",
    (PIPELINE, TARGET),
)
EVALUATION_DURATION: Final = Metric(
    "finetune.evaluation.duration",
    "histogram",
    "s",
    "How long a chunk of examples took to be answered.",
    (PIPELINE, TARGET),
)
VALIDATION_FILES: Final = Metric(
    "finetune.validation.files", "counter", "{file}", "Files that were validated.", (PIPELINE,)
)
VALIDATION_ROWS: Final = Metric(
    "finetune.validation.rows", "counter", "{row}", "Rows that were validated.", (PIPELINE,)
)
VALIDATION_BYTES: Final = Metric(
    "finetune.validation.bytes", "counter", "By", "Bytes that were validated.", (PIPELINE,)
)
VALIDATION_DURATION: Final = Metric(
    "finetune.validation.duration", "histogram", "s", "How long the rules took on a dataset.", (PIPELINE,)
)
POISON_MESSAGES: Final = Metric(
    "finetune.poison.messages", "counter", "{message}", "Messages that failed in all their tries.", (QUEUE,)
)
METRICS: Final = (
    RUNS_ACTIVE,
    RUNS_OLDEST,
    APPROVALS_WAITING,
    APPROVALS_OLDEST,
    STATUS_DURATION,
    SPEND_ESTIMATED,
    SPEND_TOKENS,
    API_CALLS,
    API_DURATION,
    POLL_TICKS,
    POLL_DURATION,
    POLL_CALLS,
    EVALUATION_EXAMPLES,
    EVALUATION_DURATION,
    VALIDATION_FILES,
    VALIDATION_ROWS,
    VALIDATION_BYTES,
    VALIDATION_DURATION,
    POISON_MESSAGES,
)

#: Keys of log records beside the event's name.  In Application Insights they are custom dimensions of the trace.
LOG_KEYS: Final = {
    "event": "Name of the event, such as `run.moved`.",
    "run_id": "Run.",
    "pipeline": "Pipeline.",
    "status": "Status of the run.",
    "previous": "Status that it left.",
    "code": "Code of docs/errors.md.",
    "effect": "Effect that was being performed.",
    "check": "Question of the health check.",
    "http_status": "Status of the answer.",
    "queue": "Queue of the message.",
    "person": "Object id of the person who asked.",
    "artifact": "Artifact of the run.",
    "detail": "What is wrong with the app's own settings or resources; never about a dataset.",
}


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A kind of log record."""

    name: str
    level: Literal["INFO", "WARNING", "ERROR"]
    about: str
    keys: tuple[str, ...] = ()


_RUN: Final = ("run_id", "pipeline", "status")
RUN_MOVED: Final = LogEvent(
    "run.moved", "INFO", "A run is in another status; `code` says why it ended.", (*_RUN, "previous", "code")
)
LOOK_FAILED: Final = LogEvent("look.failed", "WARNING", "The world could not be asked.", (*_RUN, "code"))
EFFECT_FAILED: Final = LogEvent(
    "effect.failed",
    "WARNING",
    "An effect failed; the run has what follows from it.",
    (*_RUN, "effect", "code"),
)
RUN_UNKNOWN: Final = LogEvent(
    "run.unknown", "WARNING", "A message names a run that does not exist.", ("run_id",)
)
MIRROR_FAILED: Final = LogEvent(
    "mirror.failed", "WARNING", "What the listing of jobs shows could not be remembered.", (*_RUN, "code")
)
SWEEP_FAILED: Final = LogEvent(
    "sweep.failed",
    "WARNING",
    "A late duplicate of a job could not be cancelled; the next tick tries again.",
    (*_RUN, "code"),
)
JOBS_UNLISTED: Final = LogEvent("jobs.unlisted", "WARNING", "Jobs could not be listed.", ("code",))
DATASETS_UNLISTED: Final = LogEvent(
    "datasets.unlisted", "WARNING", "Datasets could not be listed.", ("code",)
)
DATASET_GONE: Final = LogEvent("dataset.gone", "WARNING", "A blob was deleted before it was read.")
DATASET_REFUSED: Final = LogEvent(
    "dataset.refused",
    "WARNING",
    "An event names a blob in a way that may lead elsewhere; it was not asked for. A blob that has such a name gets a run.",
    ("code",),
)
POISONED: Final = LogEvent(
    "message.poisoned", "ERROR", "A message failed in all its tries.", ("queue", "run_id")
)
POISON_UNREADABLE: Final = LogEvent(
    "poison.unreadable", "ERROR", "A poison message cannot be read.", ("queue",)
)
REQUEST_REFUSED: Final = LogEvent(
    "request.refused",
    "INFO",
    "A request was answered with an error.",
    ("http_status", "code", "detail"),
)
ROWS_READ: Final = LogEvent(
    "rows.read",
    "INFO",
    "Somebody read rows of a dataset, or answers to them; without `artifact`, excerpts in the findings of a run.",
    ("run_id", "person", "artifact"),
)
HEALTH_FAILED: Final = LogEvent(
    "health.failed", "WARNING", "The health check found something wrong.", ("check", "code", "detail")
)
EVENTS: Final = (
    RUN_MOVED,
    LOOK_FAILED,
    EFFECT_FAILED,
    RUN_UNKNOWN,
    MIRROR_FAILED,
    SWEEP_FAILED,
    JOBS_UNLISTED,
    DATASETS_UNLISTED,
    DATASET_GONE,
    DATASET_REFUSED,
    POISONED,
    POISON_UNREADABLE,
    REQUEST_REFUSED,
    ROWS_READ,
    HEALTH_FAILED,
)

"""What the HTTP API answers, as types.  Its document, the client of `cli` and the pages of the app are made of these.

Names are served and never change.  Every field is there in every answer; what is not known is null.  An answer with another field
is of a newer release.  What a field means stands below `Attributes` in the docstring of its class, from there in the document.
"""

from shared.core.served.app import Champion, Check, Health, OldError, Pipeline, Problem, Route
from shared.core.served.base import Answer, Time
from shared.core.served.datasets import Dataset, Finding, Obstacle, Outlook, Report
from shared.core.served.evaluation import Evaluation, Interval, JudgedAgain, Look, Measure
from shared.core.served.gates import Decided, Gate, GateRequest, Said, Vote, WishRequest
from shared.core.served.lists import (
    DecisionRow,
    Decisions,
    History,
    PipelineRow,
    Pipelines,
    Waiting,
    WaitingRun,
)
from shared.core.served.runs import (
    Accepted,
    Deployments,
    Event,
    Evidence,
    Failure,
    Job,
    Rejudged,
    Run,
    RunRow,
    Runs,
    Wish,
)

__all__ = [
    "Accepted",
    "Answer",
    "Champion",
    "Check",
    "Dataset",
    "Decided",
    "DecisionRow",
    "Decisions",
    "Deployments",
    "Evaluation",
    "Event",
    "Evidence",
    "Failure",
    "Finding",
    "Gate",
    "GateRequest",
    "Health",
    "History",
    "Interval",
    "Job",
    "JudgedAgain",
    "Look",
    "Measure",
    "Obstacle",
    "OldError",
    "Outlook",
    "Pipeline",
    "PipelineRow",
    "Pipelines",
    "Problem",
    "Rejudged",
    "Report",
    "Route",
    "Run",
    "RunRow",
    "Runs",
    "Said",
    "Time",
    "Vote",
    "Waiting",
    "WaitingRun",
    "Wish",
    "WishRequest",
]

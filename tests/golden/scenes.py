"""Runs of every kind, for the record of a release: what is dropped, what goes wrong, who decides.

`Stage` is the product on twins with people who act the same way each time: `Stage.end` brings whatever it is given to an end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from shared.core.errors import Refused, StaleDigest, Unavailable
from shared.core.people import Person
from shared.core.policy import Policy
from shared.core.run import Run, Status
from shared.intake import Intake
from shared.people import People
from shared.poller import Poller
from shared.reconciler import Reconciler
from tests.golden.world import RowStore
from tests.twins.world import TwinWorld

HOUR_S = 3600.0
POLICY = Policy(sweep_window_s=2 * HOUR_S)
PEOPLE = (Person(id="ada", name="Ada"), Person(id="grace", name="Grace"), Person(id="linus", name="Linus"))
_TURNS_MAX = 600

_EXACT = (
    '{type: string_check, name: exact, operation: eq, input: "{{sample.output_text}}", '
    'reference: "{{item.reference}}"}'
)

#: Every key of the pipeline file, none at its default, whole numbers where others would do too.
EVERYTHING = """\
model: gpt-4.1-2025-04-14
description: every key
suffix: every-key
seed: 7
method:
  type: supervised
  supervised: {hyperparameters: {n_epochs: 2, batch_size: 4, learning_rate_multiplier: 1}}
extra_body: {trainingType: Standard}
metadata: {team: boxes, number: 4}
integrations: [{type: wandb, config: {project: boxes}}]
dataset:
  validation: {split: 0.2, seed: 1}
  evaluation: {split: 0.25, seed: 2, max_examples: 12}
  on_issue: {default: quarantine, DS007: repair}
  quarantine_max_share: 1
  rule_set: strict
  rules: {DS086: "off", DS085: "off", DS048: note}
budget: {per_run_usd: 100, per_month_usd: 1000, approve_above_usd: 0}
prices: {training_usd_per_million_tokens: 30, hosting_usd_per_hour: 2}
evaluation:
  baselines: [{deployment: base}, {deployment: base, system_prompt: prompts/box.txt}]
  graders:
    - {type: text_similarity, name: overlap, input: "{{sample.output_text}}", reference: "{{item.reference}}", evaluation_metric: rouge_l}
    - {type: string_check, name: exact, operation: eq, input: "{{sample.output_text}}", reference: "{{item.reference}}"}
  promote: {metric: exact, min_gain: 0.1, confidence: 0.9, max_cost_ratio: 50}
  candidate: {sku: DeveloperTier, capacity: 20}
  max_completion_tokens: 100
approval: {mode: manual, approvers: 2, expires_after: P2D, uploader_may_approve: true}
deployment:
  strategy: blue_green
  sku: Standard
  capacity: 30
  keep_previous: P1D
  smoke_test: [{messages: [{role: user, content: "What is the code of box 1?"}], expect: "919"}]
"""
PLAIN = "model: gpt-4.1-2025-04-14\nevaluation: {baselines: [champion, {deployment: base}]}\n"
PIPELINES = {
    "everything": EVERYTHING,
    "plain": PLAIN,
    "least": "model: gpt-4.1-mini-2025-04-14\n",
    "auto": PLAIN + "approval: {mode: automatic}\n",
    "dpo": "model: gpt-4.1-2025-04-14\nmethod: {type: dpo, dpo: {hyperparameters: {n_epochs: 2, beta: 0.5}}}\n"
    "evaluation: {baselines: [{deployment: base}]}\ndeployment: {strategy: replace}\n",
    "rft": "model: o4-mini-2025-04-16\nmethod:\n  type: reinforcement\n  reinforcement:\n    grader: "
    + _EXACT.replace("item.reference", "item.answer")
    + "\n    response_format: {type: json_schema, json_schema: {name: code, strict: true, schema: {type: object, "
    "properties: {code: {type: integer}}, required: [code], additionalProperties: false}}}\n"
    "    hyperparameters: {reasoning_effort: low, eval_samples: 2}\n"
    "evaluation:\n  baselines: [{deployment: base}]\n  graders:\n    - "
    + _EXACT.replace("item.reference", "item.answer")
    + "\n",
    "brief": PLAIN + "approval: {expires_after: PT2H}\n",
    "smoke": PLAIN
    + 'deployment: {smoke_test: [{messages: [{role: user, content: "What is the code of box 1?"}], expect: "/9\\\\d9/"}]}\n',
}


def code(number: int) -> int:
    """The code of a box."""
    return number * 7919 % 1000


def rows(method: str = "supervised", first: int = 0, count: int = 60) -> bytes:
    """A dataset about boxes."""
    made = []
    for number in range(first, first + count):
        question = {"role": "user", "content": f"What is the code of box {number}?"}
        answer = {"role": "assistant", "content": f"The code of box {number} is {code(number)}."}
        other = {"role": "assistant", "content": f"Nobody knows box {number}."}
        row: dict[str, Any] = {"messages": [question, answer]}
        if method == "dpo":
            row = {
                "input": {"messages": [question]},
                "preferred_output": [answer],
                "non_preferred_output": [other],
            }
        elif method == "rft":
            row = {"messages": [question], "answer": answer["content"]}
        made.append(json.dumps(row))
    return "\n".join(made).encode() + b"\n"


class Stage:
    """The product's own services on twins, with a clock that goes from one thing to do to the next."""

    def __init__(self, world: TwinWorld | None = None, policy: Policy = POLICY) -> None:
        if world is None:
            world = TwinWorld(runs=RowStore())
            world.deployer.add("base", "gpt-4.1")
            for name, text in PIPELINES.items():
                world.pipeline_files.put(f"{name}.yaml", text)
            world.pipeline_files.put("prompts/box.txt", "You know boxes. Answer in one sentence.\n")
        self.world = world
        world.inference.answers = self.answer
        self.is_model_good = True
        self.people = People(world)
        self.reconciler = Reconciler(world, policy)
        self.poller = Poller(world, policy, self.reconciler, Intake(world))

    def answer(self, deployment: str, messages: Any) -> str:
        """A base model does not know the boxes; tuned ones do."""
        question = messages[-1]["content"]
        if deployment == "base" or "box" not in question or not self.is_model_good:
            return "I do not know."
        number = int(question.removesuffix("?").rpartition(" ")[2])
        return f"The code of box {number} is {code(number)}."

    def drop(self, name: str, data: bytes, **options: str) -> None:
        """Somebody stores a file."""
        self.world.datasets.put(name, data, **options)

    def runs(self) -> list[Run]:
        """All runs."""
        return [self.world.runs.load(run_id)[0] for run_id in self.world.runs.rows]

    def turn(self) -> None:
        """One tick of the poller and what it queues; then the clock goes on to the next thing to do."""
        for run_id in self.poller.tick():
            self.reconciler.advance(run_id)
        now = self.world.clock.now()
        due = [row.due_at for row in self.world.index.active() if row.due_at > now]
        later = min((*due, now + timedelta(hours=1)))
        self.world.clock.set(max(later, now + timedelta(seconds=60)))

    def until(self, *statuses: Status) -> Run:
        """Let time pass until the newest run has one of the statuses."""
        for _ in range(_TURNS_MAX):
            self.turn()
            newest = self.runs()[-1:]
            if newest and newest[0].status in statuses:
                return newest[0]
        msg = f"not {statuses}: {[(run.id, run.status, run.trouble) for run in self.runs()]}"
        raise AssertionError(msg)

    def vote(self, run: Run, decision: Any = "approve") -> None:
        """The next person who did not decide yet decides about the open gate."""
        gate = run.gate
        assert gate
        voted = {given.person for given in gate.decisions}
        person = next(one for one in PEOPLE if one.id not in voted)
        self.people.vote(run.id, gate.name, person, decision=decision, digest=gate.digest, comment="as said")

    def end(self, *, is_settled: bool = True) -> None:
        """Bring all runs to their ends: persons approve, what failed is tried again once, what is left is cleared up."""
        retried: set[str] = set()
        for _ in range(_TURNS_MAX):
            self.turn()
            for run in self.runs():
                if run.gate:
                    with suppress(StaleDigest):  # it is measured again
                        self.vote(run)
                elif (
                    run.status is Status.FAILED
                    and run.failure
                    and run.failure.can_retry
                    and run.id not in retried
                ):
                    retried.add(run.id)
                    self.people.retry(run.id, PEOPLE[0])
            runs = self.runs()
            if (
                runs
                and all(run.is_finished for run in runs)
                and not (is_settled and self.world.index.active())
            ):
                return
        msg = f"no end: {[(run.id, run.status, run.trouble, run.due_at) for run in self.runs()]}"
        raise AssertionError(msg)


# -- scenes: each leads the product through something, and stops where it likes -------------------------------------------


def everything(stage: Stage) -> None:
    """Every key of the pipeline file; a row in quarantine, a companion, two gates, two approvers."""
    data = rows() + b'{"messages": []}\n'
    stage.drop("everything/team/set.evaluation.jsonl", rows(first=500, count=20))
    stage.drop("everything/team/set.jsonl", data, uploaded_by="ada")
    stage.end()


def two_after_another(stage: Stage) -> None:
    """The second dataset is measured against the first one's champion, and is not better."""
    stage.drop("plain/one.jsonl", rows())
    stage.end(is_settled=False)
    stage.drop("plain/two.jsonl", rows(count=50))
    stage.end()


def least(stage: Stage) -> None:
    """Nothing but a model: nothing is proven, a person decides; then the same data again, and bad data."""
    stage.drop("least/set.jsonl", rows())
    stage.end(is_settled=False)
    stage.drop("least/again.jsonl", rows())
    stage.drop("least/bad.jsonl", b'{"messages": []}\n')
    stage.drop("nowhere/set.jsonl", rows())
    stage.end()


def automatic(stage: Stage) -> None:
    """Nobody is asked."""
    stage.drop("auto/set.jsonl", rows())
    stage.end()


def preference(stage: Stage) -> None:
    """Preference rows, with the deployment replaced in place."""
    stage.drop("dpo/set.jsonl", rows("dpo"))
    stage.end()


def reinforcement(stage: Stage) -> None:
    """Reinforcement rows; the price is not known, so a person is asked before."""
    stage.drop("rft/set.jsonl", rows("rft"))
    stage.end()


def queue(stage: Stage) -> None:
    """More runs than places."""
    for number in range(2):
        stage.drop(f"auto/{number}.jsonl", rows(first=100 * number))
    stage.end()


def rejected(stage: Stage) -> None:
    """A person says no at the deployment gate."""
    stage.drop("plain/set.jsonl", rows())
    stage.vote(stage.until(Status.AWAITING_APPROVAL), "reject")
    stage.end()


def expired(stage: Stage) -> None:
    """Nobody says anything."""
    stage.drop("brief/set.jsonl", rows())
    stage.until(Status.EXPIRED)
    stage.end()


def cancelled(stage: Stage) -> None:
    """A person stops a run whose job is under way."""
    stage.world.trainer.is_stepping = False
    stage.drop("plain/set.jsonl", rows())
    run = stage.until(Status.TRAINING)
    stage.people.cancel(run.id, PEOPLE[0])
    stage.end()


def overwritten(stage: Stage) -> None:
    """The file changes before it is read."""
    stage.drop("plain/set.jsonl", rows())
    stage.turn()
    stage.drop("plain/set.jsonl", rows(count=40))
    stage.end()


def slow_job(stage: Stage) -> None:
    """The job is looked at again and again."""
    stage.world.trainer.is_stepping = False
    stage.drop("plain/set.jsonl", rows())
    run = stage.until(Status.TRAINING)
    assert run.job_id
    for status in ("validating_files", "queued", "running"):
        stage.world.trainer.move(run.job_id, status)
        stage.turn()
    stage.world.trainer.is_stepping = True
    stage.end()


def failed_job(stage: Stage) -> None:
    """Foundry fails the job; a person tries again."""
    stage.world.trainer.is_stepping = False
    stage.drop("plain/set.jsonl", rows())
    run = stage.until(Status.TRAINING)
    assert run.job_id
    stage.world.trainer.move(run.job_id, "failed", error="out of luck")
    stage.until(Status.FAILED)
    stage.world.trainer.is_stepping = True
    stage.end()


def _refused_once(status: Status, port: str, method: str) -> Callable[[Stage], None]:
    """A call is refused once a run has a status; a person tries again."""

    def scene(stage: Stage) -> None:
        def refuse(run: Run) -> None:
            if run.status is status:
                stage.world.runs.listeners.remove(refuse)
                getattr(stage.world, port).fail_next(method, Refused(f"{method} is refused"))

        stage.world.runs.listeners.append(refuse)
        stage.drop("plain/set.jsonl", rows())
        stage.until(Status.FAILED)
        stage.end()

    return scene


def failed_deploying(stage: Stage) -> None:
    """Resource Manager refuses the approved deployment."""
    stage.drop("plain/set.jsonl", rows())
    run = stage.until(Status.AWAITING_APPROVAL)
    stage.vote(run)
    stage.world.deployer.fail_next("put", Refused("put is refused"))
    stage.until(Status.FAILED)
    stage.end()


def failed_smoke_test(stage: Stage) -> None:
    """The approved deployment does not answer as it should."""
    stage.drop("smoke/set.jsonl", rows())
    run = stage.until(Status.AWAITING_APPROVAL)
    stage.is_model_good = False
    stage.vote(run)
    stage.until(Status.FAILED)
    stage.is_model_good = True
    stage.world.artifacts._blobs.pop(f"runs/{run.id}/deployment/smoke.json", None)
    stage.end()


def late_deadline(stage: Stage) -> None:
    """Storage does not answer for hours, and the run fails by its deadline before anything was looked at."""
    stage.drop("plain/set.jsonl", rows())
    stage.turn()
    stage.world.datasets.fail_next("properties", Unavailable("storage is away"), times=2000)
    stage.until(Status.FAILED)
    stage.world.datasets._failures["properties"].clear()
    stage.end()


def lost_creation(stage: Stage) -> None:
    """The answer to the creation of the job is lost: it is found again when the settle time is over."""
    stage.world.trainer.lose_answer_next("create")
    stage.drop("plain/set.jsonl", rows())
    stage.end()


SCENES: dict[str, Callable[[Stage], None]] = {
    "everything": everything,
    "two-after-another": two_after_another,
    "least": least,
    "automatic": automatic,
    "preference": preference,
    "reinforcement": reinforcement,
    "queue": queue,
    "rejected": rejected,
    "expired": expired,
    "cancelled": cancelled,
    "overwritten": overwritten,
    "slow-job": slow_job,
    "failed-job": failed_job,
    "failed-pinning": _refused_once(Status.RECEIVED, "artifacts", "write"),
    "failed-validating": _refused_once(Status.VALIDATING, "artifacts", "write"),
    "failed-uploading": _refused_once(Status.UPLOADING, "files", "upload"),
    "failed-submitting": _refused_once(Status.SUBMITTING, "trainer", "create"),
    "failed-staging": _refused_once(Status.STAGING, "deployer", "put"),
    "failed-evaluating": _refused_once(Status.EVALUATING, "inference", "answer"),
    "failed-deploying": failed_deploying,
    "failed-smoke-test": failed_smoke_test,
    "late-deadline": late_deadline,
    "lost-creation": lost_creation,
}

#: The scene after which states that it has are recorded again only when something has gone wrong before.
USUAL = "rejected"

#: Scenes with other numbers than those of the house.
POLICIES: dict[str, Policy] = {"queue": Policy(sweep_window_s=2 * HOUR_S, in_flight_max=1)}

"""What a cloud holds after everything that happened to it, and what must be true of it."""

import itertools
import os
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from azure.identity import ManagedIdentityCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from local.stand_in import client_environment
from shared.adapters.table_codec import event_from_entity, run_from_entity
from shared.core.history import Event
from shared.core.run import FINISHED, IN_FLIGHT, TRANSITIONS, Run, Status

#: Where a run may wait for a person for as long as the gate is open.
WAITING_FOR_A_PERSON = frozenset({Status.AWAITING_SPEND_APPROVAL, Status.AWAITING_APPROVAL})
HAS_DEPLOYED = frozenset({Status.VERIFYING, Status.DEPLOYED})


@dataclass
class Evidence:
    """Everything outside of the process that was killed.

    Attributes:
        datasets: run ids of the blobs in the container.
        in_flight_max: runs that may be in flight at once.
        automatic: pipelines whose file lets a better model be deployed without a person.
        jobs: (job id, training file id, status) as the stand-in lists them.
        files: names of the files for fine-tuning in the stand-in.
        deployments: deployment name -> model, as ARM lists them.
    """

    datasets: set[str]
    runs: dict[str, Run] = field(default_factory=dict)
    histories: dict[str, list[Event]] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    champions: dict[str, str] = field(default_factory=dict)
    ledger: dict[str, float] = field(default_factory=dict)
    jobs: list[tuple[str, str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    deployments: dict[str, str] = field(default_factory=dict)
    automatic: frozenset[str] = frozenset()
    in_flight_max: int = 20


@contextmanager
def _as_managed_identity(info):
    before = dict(os.environ)
    os.environ |= client_environment(info.identity_endpoint, info.ca_bundle)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def deployments_of(info):
    """All deployments of the stand-in's account, by ARM's own client: name -> model."""
    with (
        _as_managed_identity(info),
        ManagedIdentityCredential() as credential,
        CognitiveServicesManagementClient(
            credential,
            "00000000-0000-0000-0000-000000000000",
            base_url=info.arm_endpoint,
            credential_scopes=[f"{info.arm_endpoint}/.default"],
        ) as client,
    ):
        return {
            view.name: view.properties.model.name
            for view in client.deployments.list("local", "local-foundry")
        }


def collect(driver, dropped, automatic=(), in_flight_max=20):
    """Read tables, containers and the stand-in; the product's host is asked nothing."""
    found = Evidence(set(dropped), automatic=frozenset(automatic), in_flight_max=in_flight_max)
    for row in driver.table("runs").list_entities():
        run_id = row["PartitionKey"]
        if row["RowKey"] == "run":
            found.runs[run_id] = run_from_entity(row)
        else:
            found.histories.setdefault(run_id, []).append(event_from_entity(row))
    for row in driver.table("index").list_entities():
        if row["PartitionKey"] == "active":
            found.active.add(row["RowKey"])
        elif row["PartitionKey"] == "all":
            found.listed[row["RunId"]] = row["Status"]
    for row in driver.table("claims").list_entities():
        found.claims[row["PartitionKey"], row["RowKey"]] = row["Holder"]
    for row in driver.table("pipelines").list_entities():
        if row["RowKey"] == "champion":
            found.champions[row["PartitionKey"]] = row["RunId"]
        elif row["RowKey"].startswith("spend-"):
            found.ledger[row["RunId"]] = found.ledger.get(row["RunId"], 0.0) + float(row["Usd"])
    found.jobs = [(job.id, job.training_file, str(job.status)) for job in driver.jobs()]
    found.files = [file.filename for file in driver.files()]
    found.deployments = deployments_of(driver.cloud.info)
    return found


def violations(found):
    """Every broken promise, as a sentence."""
    return [said for check in CHECKS for said in check(found)]


def every_dataset_is_one_run(found):
    for run_id in found.datasets ^ set(found.runs):
        yield f"run {run_id} is {'missing' if run_id in found.datasets else 'about no dataset'}"


def every_run_ends_or_waits_for_a_person(found):
    for run in found.runs.values():
        if run.status not in FINISHED | WAITING_FOR_A_PERSON:
            yield f"run {run.id} still is {run.status}: {run.trouble}"
        if run.status is Status.FAILED:
            yield f"run {run.id} failed, which no kill is a reason for: {run.failure}"
        if run.status in FINISHED - {Status.DEPLOYED} and not (
            run.failure and run.failure.code and run.failure.message and run.failure.remedy
        ):
            yield f"run {run.id} ended as {run.status} without code, reason and remedy"


def histories_are_gapless_and_legal(found):
    for run in found.runs.values():
        history = sorted(found.histories.get(run.id, []), key=lambda event: event.sequence)
        if [event.sequence for event in history] != list(range(1, run.revision + 1)):
            yield f"the history of run {run.id} has gaps: {[event.sequence for event in history]}, {run.revision}"
        statuses = [Status(event.after) for event in history if event.kind == "status"]
        if not statuses or statuses[-1] is not run.status:
            yield f"the history of run {run.id} does not end in its status {run.status}"
        for before, after in itertools.pairwise(statuses):
            if after not in TRANSITIONS[before]:
                yield f"run {run.id} went from {before} to {after}"


def every_run_pays_for_one_job(found):
    owners = {run.job_id: run for run in found.runs.values() if run.job_id}
    for run_id, count in Counter(owners[job].id for job, _, _ in found.jobs if job in owners).items():
        if count != 1:
            yield f"run {run_id} has {count} jobs"
    for job, training_file, status in found.jobs:
        run = owners.get(job)
        if run is None:
            yield f"job {job} ({status}) belongs to no run: somebody paid for it"
        elif training_file != run.training_file_id:
            yield f"job {job} was trained on {training_file}, run {run.id} uploaded {run.training_file_id}"
    for job in set(owners) - {job for job, _, _ in found.jobs}:
        yield f"run {owners[job].id} names job {job}, which does not exist"


def every_claim_has_one_job(found):
    """The same work is paid for once, however often it was dropped."""
    paid = Counter(
        (run.pipeline, run.summary.fingerprint) for run in found.runs.values() if run.job_id and run.summary
    )
    for claim, count in paid.items():
        if count != 1:
            yield f"the work {claim} was paid for {count} times"
    for run in found.runs.values():
        if run.job_id and found.claims.get((run.pipeline, run.summary.fingerprint)) != run.id:
            yield f"run {run.id} has a job, but does not hold the claim"
        if run.status is Status.DUPLICATE and not found.runs[run.duplicate_of].job_id:
            yield f"run {run.id} is a duplicate of {run.duplicate_of}, which has no job"


def nothing_unapproved_is_deployed(found):
    owner = {run.production: run for run in found.runs.values() if run.production}
    for name, model in found.deployments.items():
        run = owner.get(name)
        if ".ft-" not in model or "-candidate-" in name:
            continue
        if run is None:
            yield f"deployment {name} belongs to no run"
            continue
        if model != run.model:
            yield f"deployment {name} serves {model}, run {run.id} trained {run.model}"
        if run.status not in HAS_DEPLOYED:
            yield f"deployment {name} exists, but run {run.id} is {run.status}"
        if problem := _objection(run, found):
            yield f"deployment {name}: {problem}"
    for run in found.runs.values():
        if run.status is Status.DEPLOYED and found.deployments.get(run.production) != run.model:
            yield f"run {run.id} says that {run.production} serves its model; it does not"


def _objection(run, found):
    """Judged here once more and otherwise than the product does: from the gate's own rows and the history."""
    gate = run.gates.get("deployment")
    if gate is None:
        is_proven = run.pipeline in found.automatic and run.evaluation and run.evaluation.outcome == "better"
        return None if is_proven else "nobody was asked"
    good = {
        decision.person
        for decision in gate.decisions
        if decision.decision == "approve"
        and decision.digest == gate.digest
        and decision.at < gate.approve_by
        and (gate.uploader_may_approve or decision.person != run.dataset.uploaded_by)
    }
    if len(good) < gate.approvals_needed:
        return f"{len(good)} of {gate.approvals_needed} approvals count"
    if any(decision.decision == "reject" for decision in gate.decisions):
        return "somebody rejected it"
    history = found.histories[run.id]
    decided = [
        event.sequence for event in history if event.kind == "decision" and gate.digest in event.detail
    ]
    deploying = [event.sequence for event in history if event.kind == "status" and event.after == "deploying"]
    return (
        None
        if decided and deploying and max(decided) < deploying[0]
        else "it was deployed before the decision"
    )


def decisions_count_once(found):
    for run in found.runs.values():
        gates = list(run.gates.values())
        for gate in gates:
            if len({decision.person for decision in gate.decisions}) != len(gate.decisions):
                yield f"somebody decided twice on the {gate.name} gate of run {run.id}"
        told = sum(event.kind == "decision" for event in found.histories[run.id])
        if told != sum(len(gate.decisions) for gate in gates):
            yield f"the history of run {run.id} tells of {told} decisions"


def champions_are_deployed_runs(found):
    deployed = {run.pipeline for run in found.runs.values() if run.status is Status.DEPLOYED}
    for pipeline in deployed ^ set(found.champions):
        yield f"pipeline {pipeline} has {'no champion' if pipeline in deployed else 'a champion that was never deployed'}"
    for pipeline, run_id in found.champions.items():
        latest = max(
            (
                run
                for run in found.runs.values()
                if run.pipeline == pipeline and run.status is Status.DEPLOYED
            ),
            key=lambda run: run.status_since,
            default=None,
        )
        if latest is not None and found.runs[run_id].status is not Status.DEPLOYED:
            yield f"the champion of {pipeline} is run {run_id}, which is {found.runs[run_id].status}"


def nothing_is_left_behind(found):
    """Of a run that has ended: neither candidate nor files; of one that has not yet been cleared up, a row in the index."""
    finished = {run.id for run in found.runs.values() if run.is_finished}
    for name in found.deployments:
        match = re.fullmatch(r".*-candidate-([0-9a-f]{8})", name)
        if match and any(run_id.startswith(match[1]) for run_id in finished):
            yield f"candidate {name} was left behind"
    for filename in found.files:
        if filename.partition("-")[0] in finished:
            yield f"file {filename} was left behind"
    for name, count in Counter(found.files).items():
        if count > 1:
            yield f"{name} was uploaded {count} times"


def the_index_tells_the_truth(found):
    for run in found.runs.values():
        if found.listed.get(run.id) != run.status:
            yield f"run {run.id} is {run.status}, listed as {found.listed.get(run.id)}"
        is_swept = run.is_finished and run.job_attempted_at is None
        if not is_swept and run.id not in found.active:
            yield f"run {run.id} is {run.status} and nobody will look at it again"


def the_ledger_tells_the_truth(found):
    for run in found.runs.values():
        if run.job_id and run.id not in found.ledger:
            yield f"run {run.id} spent money that no ledger knows of"
        if run.is_finished and run.job_attempted_at is None and found.ledger.get(run.id, 0.0) != 0.0:
            yield f"run {run.id} spent nothing, and its budget is still bound"


def _flight(history):
    """From the upload of a run's files to the end of its evaluation, each time it was tried, by the history."""
    since = None
    for event in sorted(history, key=lambda event: event.sequence):
        if event.kind != "status":
            continue
        if event.after in IN_FLIGHT:
            since = since or event.at
        elif since:
            yield since, event.at
            since = None
    if since:
        yield since, datetime.max.replace(tzinfo=UTC)


def no_more_runs_are_in_flight_than_may_be(found):
    flights = [flight for history in found.histories.values() for flight in _flight(history)]
    for moment, _ in flights:
        count = sum(begin <= moment < end for begin, end in flights)
        if count > found.in_flight_max:
            yield f"{count} runs were in flight at {moment}"


CHECKS = (
    every_dataset_is_one_run,
    every_run_ends_or_waits_for_a_person,
    histories_are_gapless_and_legal,
    every_run_pays_for_one_job,
    every_claim_has_one_job,
    nothing_unapproved_is_deployed,
    decisions_count_once,
    champions_are_deployed_runs,
    nothing_is_left_behind,
    the_index_tells_the_truth,
    the_ledger_tells_the_truth,
    no_more_runs_are_in_flight_than_may_be,
)

"""The host is killed at random moments while many runs go on at once; afterwards every promise still holds.

The moments come from a seed, but what a kill meets depends on the machine: a failure prints the seed, and the cloud's state
directory is kept for a look.
"""

import json
import random
import threading
import time
import uuid
from collections import Counter
from datetime import timedelta

import httpx2
import pytest
from azure.core.exceptions import ResourceNotFoundError

from shared.adapters.table_codec import run_from_entity
from shared.core.identity import run_id
from shared.core.run import FINISHED, Status
from tests.e2e.client import ApiError, Client
from tests.e2e.driver import SAMPLES, driven, roomy
from tests.e2e.evidence import collect, violations
from tests.support.boxes import boxes
from tests.support.figures import record

pytestmark = pytest.mark.e2e
TRAINING = (
    "model: gpt-4.1\nprices: {{training_usd_per_million_tokens: 2}}\nsuffix: {}\n"
    "evaluation: {{baselines: [{{deployment: gpt-4.1}}]}}\n"
)
PIPELINES = {
    "two-persons": TRAINING.format("two") + "approval: {approvers: 2}\n",
    "automatic": TRAINING.format("auto") + "approval: {mode: automatic}\n",
    "dear": TRAINING.format("dear") + "budget: {approve_above_usd: 0.000001}\n",
}
PERSONS = ("approver", "second", "third")
LONGEST_S = 1.6
END_S = 240
#: Fewer places than runs, so that they have to queue.
IN_FLIGHT_MAX = 2


def identities(state_dir):
    """Three approvers, written before the cloud makes its own."""
    folder = state_dir / "host"
    folder.mkdir(parents=True)
    made = {
        name: {
            "token": f"local-{name}-{uuid.uuid4().hex}",
            "oid": str(uuid.uuid4()),
            "name": f"{name}@local.example",
            "tenant": str(uuid.uuid4()),
            "roles": ["FineTune.Approver"],
        }
        for name in PERSONS
    }
    (folder / "identities.json").write_text(json.dumps(made))


class Chaos:
    """One cloud, its runs, the persons who decide, and the hand that kills."""

    def __init__(self, driver, seed):
        self.driver = driver
        self.random = random.Random(seed)
        self.seed = seed
        self.kills = self.retries = 0
        self.crashes = []
        self.dropped = []
        self.persons = {name: Client(driver.cloud.info, name) for name in PERSONS}
        for name, text in PIPELINES.items():
            driver.store_pipeline(name, text)

    def close(self):
        for person in self.persons.values():
            person.close()

    def drop(self, folder, wave):
        """Nine runs: new work, the same work again, work of its own uploader, and bad data."""
        lines = (SAMPLES / "pubmed-summarization" / "training.jsonl").read_bytes().splitlines(keepends=True)
        path = folder / f"{self.seed}-{wave}"
        path.mkdir()
        first = 20 * (wave % 5)
        for name, data in {
            "good": b"".join(lines[first : first + 120]),
            "again": b"".join(lines[first : first + 120]),
            "boxes": boxes(30, lambda number: number + wave * 1000),
            "bad": b"not json\n",
        }.items():
            (path / f"{name}.jsonl").write_bytes(data)
        oid = self.driver.cloud.info.identities["third"]["oid"]
        for pipeline, names in {
            "two-persons": ("good", "again", "bad"),
            "automatic": ("good", "boxes", "again"),
            "dear": ("good", "boxes", "again"),
        }.items():
            files = [path / f"{name}.jsonl" for name in names]
            self.dropped += self.driver.drop(pipeline, *files, uploaded_by=oid)

    def runs(self):
        """All runs as they are stored; none while the first host has not made the table."""
        try:
            return [
                run_from_entity(row) for row in self.driver.table("runs").query_entities("RowKey eq 'run'")
            ]
        except ResourceNotFoundError:
            return []

    def decide(self):
        """Persons decide whatever is open, each again and again; some answers will be lost."""
        for run in self.runs():
            if run.gate is None:
                continue
            is_unwanted = run.gate.name == "spend" and run.dataset.name.endswith("boxes.jsonl")
            wish = "reject" if is_unwanted else "approve"
            for person in self.random.sample(PERSONS, 2):
                try:
                    self.persons[person].decide(run.id, run.gate.name, wish, run.gate.digest, "chaos")
                except ApiError as error:
                    assert error.status in {403, 409, 410, 503}, error
                except httpx2.TransportError:
                    pass  # the host died meanwhile; whoever decided asks again

    def retry(self):
        """What was killed in each of its tries ends visibly, and a person lets it go on."""
        for run in self.runs():
            if run.failure and run.failure.code == "attempts_exhausted":
                self.retries += 1
                self.persons["second"].change(run.id, "retry")

    def kill(self):
        """End the host at a moment between start-up and deep in its work; sometimes while persons decide."""
        time.sleep(self.random.uniform(0.02, LONGEST_S))
        deciding = threading.Thread(target=self.decide)
        if is_deciding := self.random.random() < 0.4:
            deciding.start()
            time.sleep(self.random.uniform(0.0, 0.3))
        self.note_crash()
        self.driver.cloud.kill_host()
        self.kills += 1
        self.driver.cloud.start_host()
        if is_deciding:
            deciding.join()

    def note_crash(self):
        """A host that had ended by itself did so by a crash; what faulthandler wrote is kept."""
        host = self.driver.cloud._children["host"]
        if not host.is_alive:
            self.crashes.append((host.process.returncode, host.tail()))

    def settle(self):
        """No more kills: everything must end, and be cleared up."""
        stop_at = time.monotonic() + END_S
        while time.monotonic() < stop_at:
            self.note_crash()
            self.driver.cloud.check()
            self.decide()
            self.retry()
            runs = self.runs()
            if len(runs) == len(set(self.dropped)) and all(is_over(run) for run in runs):
                return
            time.sleep(0.3)
        waiting = [(run.id, run.status, run.attempt, run.trouble) for run in runs if not is_over(run)]
        pytest.fail(f"seed {self.seed}: {len(runs)} of {len(self.dropped)} runs, not over: {waiting}")


def is_over(run):
    """Whether it has ended and, if anything was asked of Azure, has been cleared up and waits for what may come late."""
    was_anything_asked = run.files_attempted_at or run.job_attempted_at or run.candidate
    is_sweeping = run.attempt is None and run.due_at > run.updated_at + timedelta(minutes=5)
    return run.status in FINISHED and (is_sweeping or not was_anything_asked)


def survive(state_dir, seed, kills, kills_a_wave=20):
    """Kill the host so many times, with new runs every few kills; the evidence when all is over."""
    identities(state_dir)
    roomy(state_dir)
    with driven(state_dir, RUNS_IN_FLIGHT_MAX=str(IN_FLIGHT_MAX)) as driver:
        chaos = Chaos(driver, seed)
        try:
            for number in range(kills):
                if number % kills_a_wave == 0:
                    chaos.drop(state_dir, number // kills_a_wave)
                chaos.kill()
            chaos.settle()
            time.sleep(1.5)  # a tick or two: nothing may happen any more
            found = collect(driver, chaos.dropped, ["automatic"], IN_FLIGHT_MAX)
        finally:
            chaos.close()
    broken = violations(found)
    ends = Counter(str(run.status) for run in found.runs.values())
    print(
        f"seed {seed}: {kills} kills, {len(found.jobs)} jobs, {dict(ends)}, {chaos.retries} retries, crashes {chaos.crashes}"
    )
    return chaos, found, broken


@pytest.mark.thorough
def test_five_kills_break_no_promise(tmp_path):
    """In three pipelines: four pieces of work that are paid, one that nobody wants to pay, the same again, and bad data."""
    chaos, found, broken = survive(tmp_path / "cloud", seed=1, kills=5)
    ends = {run.status for run in found.runs.values()}

    assert broken == []
    assert (chaos.kills, len(found.jobs)) == (5, 4)
    assert {Status.DEPLOYED, Status.DUPLICATE, Status.INVALID, Status.REJECTED} <= ends


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_five_hundred_kills_break_no_promise(tmp_path, seed):
    chaos, found, broken = survive(tmp_path / "cloud", seed=seed, kills=50)

    ends = [run.status for run in found.runs.values()]
    record(
        f"kills, cloud {seed}",
        seeds=1,
        kills=chaos.kills,
        runs=len(ends),
        jobs=len(found.jobs),
        deployed=ends.count(Status.DEPLOYED),
        retries=chaos.retries,
        host_crashes=len(chaos.crashes),
        violations=len(broken),
    )
    assert broken == [], f"seed {seed}: {tmp_path}"


@pytest.mark.thorough
def test_a_dataset_over_which_five_processes_died_becomes_a_run_by_its_poison_message(driver):
    """As if each had died before it stored anything."""
    name, cloud = "pubmed-summarization/deadly.jsonl", driver.cloud
    cloud.kill_host()
    blob = driver.blobs.get_blob_client("datasets", name)
    etag = blob.upload_blob(b"not json\n")["etag"].strip('"')
    with (cloud.state_dir / "host" / "tries-dataset_uploaded.txt").open("a") as tries:
        tries.write((json.dumps([name, etag]) + "\n") * 5)
    cloud.start_host()
    run = driver.wait(run_id("datasets", name, etag))
    told = f"message.poisoned run_id={run['id']} queue=webjobs-blobtrigger-poison"
    log = cloud.state_dir / "host.log"
    stop_at = time.monotonic() + 20
    while told not in log.read_text():
        assert time.monotonic() < stop_at, "dataset_poisoned did not accept it"
        time.sleep(0.2)

    assert run["status"] == "invalid"

"""Every call that the adapters make to the world, for the faults of `test_fault_matrix.py`.

A new method of an adapter needs a case here; a test insists on it.
"""

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from shared.adapters.account import ArmAccount
from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.bounds import bounded_transport
from shared.adapters.deployments import ArmDeployer
from shared.adapters.foundry import FoundryFiles, FoundryInference, FoundryTrainer, create_openai_client
from shared.adapters.pipeline_tables import TableClaims, TablePipelines
from shared.adapters.storage import Patience, make_blob_service, make_table_service
from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.core.history import events_between
from shared.core.observations import Champion
from shared.core.offered import OfferedModel
from shared.core.run import Status
from shared.ports import PoisonMessage
from tests.adapters.network import no_credential
from tests.support.builders import NOW, a_run

READ_S = 0.15
ANSWER_S = 0.2
BYTES_MAX = 1024 * 1024
#: How long clients wait for a server that answers at once, on a machine that may have much else to do.
PATIENT_S = 10.0
FAR = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
CONTENT = b"0123456789" * 30
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        service: `tables`, `blobs`, `foundry` or `arm`.
        call: makes it; gets the adapters and what `prepare` made.
        prepare: makes what the call needs, before anything goes wrong.
        holds: whether the effect is there exactly once, after the call was repeated until it was known to be done.
        is_idempotent: whether applying it twice is harmless, so that it may be repeated without a look.
        reads_answer: False if only the status of the answer counts.
        is_opaque: whether any bytes would do for an answer.
        requests: how many it takes when all goes well.
        tries: how often the client may send each.
    """

    service: str
    call: Callable[[Any, Any], Any]
    prepare: Callable[[Any], Any] = lambda _: next(_NUMBERS)
    holds: Callable[[Any, Any], bool] | None = None
    is_idempotent: bool = True
    reads_answer: bool = True
    is_opaque: bool = False
    requests: int = 1
    tries: int = 1


class StoppedClock:
    def now(self):
        return NOW


class Token:
    """A credential; what becomes of the real one's token endpoint is a case of its own."""

    def get_token(self, *_scopes, **_options):
        return AccessToken("t", 4_000_000_000)

    def get_token_info(self, *_scopes, options=None):
        del options
        return AccessTokenInfo("t", 4_000_000_000)


def patience(read_s=READ_S, answer_s=ANSWER_S):
    """Of the storage clients."""
    return Patience(read_s=read_s, answer_s=answer_s, blob_retries=0, answer_bytes_max=BYTES_MAX)


def storage_adapters(connection_string, service, patience):
    """The adapters of one storage service, as wiring makes them; and what closes them."""
    if service == "tables":
        client = make_table_service(connection_string, None, no_credential, patience)
        made = SimpleNamespace(
            runs=TableRunStore(client),
            index=TableRunIndex(client),
            claims=TableClaims(client),
            pipelines=TablePipelines(client),
        )
        for adapter in vars(made).values():
            assert adapter._table.client  # asks for the table once; the cases begin after that
        return made, client
    client = make_blob_service(connection_string, None, no_credential, patience)
    artifacts = BlobArtifacts(client, "matrix-artifacts")
    assert artifacts._client
    return SimpleNamespace(
        datasets=BlobDatasetSource(client, "matrix-datasets"),
        pipeline_files=BlobPipelineFiles(client, "matrix-pipelines"),
        artifacts=artifacts,
    ), client


def foundry_adapters(url, read_s=READ_S):
    client = create_openai_client(
        f"{url}/api/projects/p", Token(), timeout_s=read_s, answer_bytes_max=BYTES_MAX
    )
    made = SimpleNamespace(
        files=FoundryFiles(client, StoppedClock(), upload_timeout_s=read_s),
        trainer=FoundryTrainer(client, StoppedClock()),
        inference=FoundryInference(client, answer_s=read_s),
    )
    return made, client


def arm_adapters(url, read_s=READ_S, answer_s=ANSWER_S):
    """Over http: the policy that demands https with tokens is left out, and with it the token."""
    client = CognitiveServicesManagementClient(
        Token(),
        "s",
        base_url=url,
        authentication_policy=SansIOHTTPPolicy(),
        retry_total=0,
        transport=bounded_transport(connect_s=read_s, read_s=read_s, answer_s=answer_s, bytes_max=BYTES_MAX),
    )
    made = SimpleNamespace(deployer=ArmDeployer(client, "rg", "a"), account=ArmAccount(client, "rg", "a"))
    return made, client


def a_new_run(_=None):
    return events_between(None, a_run(Status.RECEIVED, id=f"e{next(_NUMBERS):019x}"))


def a_stored_run(at):
    run, events = a_new_run()
    at.runs.insert(run, events)
    at.index.project(run, is_settled=False)
    return run, at.runs.load(run.id)[1]


def replaced(at, stored):
    run, version = stored
    return at.runs.replace(
        run.evolve(failures=1, revision=2), version, events_between(run, run.evolve(job_status="x"))[1]
    )


def a_champion(number):
    return Champion(deployment=f"d{number}", model="m", run_id=f"r{number}", since=NOW)


def promoted(at):
    number = next(_NUMBERS)
    at.pipelines.promote(f"m{number}", a_champion(1), None)
    return number


def looked(at, pipeline, digest):
    return at.pipelines.look(pipeline, digest=digest, exam="e", run_id="r", at=NOW)


def is_listed(at, run):
    return [row.run_id for row in at.index.newest(run.pipeline, 100, None)[0]].count(run.id) == 1


def is_active(at, run):
    return [row.run_id for row in at.index.active()].count(run.id) == 1


def opened(at, name):
    with at.artifacts.open(name) as copy:
        return copy.read()


def written(at):
    name = f"m{next(_NUMBERS)}"
    at.artifacts.write(name, CONTENT, "text/plain")
    return name


def version_of(at):
    return at.datasets.properties("p/a.jsonl").etag


TABLES = {
    "TableRunStore.load": Case("tables", lambda at, it: at.runs.load(it[0].id), a_stored_run),
    "TableRunStore.history": Case("tables", lambda at, it: at.runs.history(it[0].id), a_stored_run),
    "TableRunStore.insert": Case(
        "tables",
        lambda at, it: at.runs.insert(*it),
        a_new_run,
        lambda at, it: len(at.runs.history(it[0].id)) == 1 and at.runs.load(it[0].id)[0] == it[0],
    ),
    "TableRunStore.replace": Case(
        "tables",
        replaced,
        a_stored_run,
        lambda at, it: len(at.runs.history(it[0].id)) == 2 and at.runs.load(it[0].id)[0].failures == 1,
    ),
    "TableRunIndex.announce": Case(
        "tables",
        lambda at, it: at.index.announce(it[0].id, "p", it[0].dataset, NOW),
        a_new_run,
        lambda at, it: is_active(at, it[0]),
        reads_answer=False,
        requests=1,
    ),
    "TableRunIndex.project": Case(
        "tables",
        lambda at, it: at.index.project(it[0], is_settled=False),
        a_new_run,
        lambda at, it: is_active(at, it[0]) and is_listed(at, it[0]),
        reads_answer=False,
        requests=6,
    ),
    "TableRunIndex.active": Case("tables", lambda at, _: bool(at.index.active()), a_stored_run),
    "TableRunIndex.ticked": Case(
        "tables",
        lambda at, it: at.index.ticked(f"v{it}", NOW),
        holds=lambda at, it: [name for name, _ in at.index.ticks().releases].count(f"v{it}") == 1,
        reads_answer=False,
        requests=2,
    ),
    "TableRunIndex.ticks": Case(
        "tables", lambda at, _: at.index.ticks(), lambda at: at.index.ticked("v", NOW)
    ),
    "TableRunIndex.poisoned": Case(
        "tables",
        lambda at, it: at.index.poisoned(PoisonMessage(at=NOW, queue=f"q{it}", run_id=None)),
        holds=lambda at, it: [one.queue for one in at.index.poison()].count(f"q{it}") == 1,
        reads_answer=False,
        requests=2,
    ),
    "TableRunIndex.poison": Case(
        "tables",
        lambda at, _: at.index.poison(),
        lambda at: at.index.poisoned(PoisonMessage(at=NOW, queue="q", run_id=None)),
    ),
    "TableRunIndex.newest": Case(
        "tables", lambda at, _: len(at.index.newest(None, 1, None)[0]), a_stored_run
    ),
    "TableClaims.holder": Case(
        "tables",
        lambda at, it: at.claims.holder("m", it),
        lambda at: at.claims.take("m", name := f"f{next(_NUMBERS)}", "r", None) or name,
    ),
    "TableClaims.take": Case(
        "tables",
        lambda at, it: at.claims.take("m", f"t{it}", "r", None),
        holds=lambda at, it: at.claims.holder("m", f"t{it}") == "r",
        reads_answer=False,
        requests=2,
    ),
    "TablePipelines.champion": Case("tables", lambda at, it: at.pipelines.champion(f"m{it}"), promoted),
    "TablePipelines.previous": Case(
        "tables",
        lambda at, it: at.pipelines.previous(f"m{it}"),
        lambda at: at.pipelines.promote(f"m{(it := promoted(at))}", a_champion(2), "r1") or it,
    ),
    "TablePipelines.champions": Case("tables", lambda at, it: at.pipelines.champions()[f"m{it}"], promoted),
    "TablePipelines.promote": Case(
        "tables",
        lambda at, it: at.pipelines.promote(f"m{it}", a_champion(2), "r1"),
        promoted,
        lambda at, it: (
            (at.pipelines.champion(f"m{it}"), at.pipelines.previous(f"m{it}"))
            == (a_champion(2), a_champion(1))
        ),
        reads_answer=False,
        requests=2,
    ),
    "TablePipelines.committed": Case(
        "tables",
        lambda at, it: at.pipelines.committed(f"m{it}", "2026-11"),
        lambda at: at.pipelines.commit(f"m{(it := next(_NUMBERS))}", "2026-11", "r", NOW, 1.0) or it,
    ),
    "TablePipelines.commit": Case(
        "tables",
        lambda at, it: at.pipelines.commit(f"m{it}", "2026-11", "r", NOW, 1.0),
        holds=lambda at, it: at.pipelines.committed(f"m{it}", "2026-11") == [("r", NOW, 1.0)],
        reads_answer=False,
        requests=2,
    ),
    "TablePipelines.coming_look": Case(
        "tables",
        lambda at, it: at.pipelines.coming_look(f"m{it}"),
        lambda at: looked(at, f"m{(it := next(_NUMBERS))}", "before") and it,
    ),
    "TablePipelines.look": Case(
        "tables",
        lambda at, it: looked(at, f"m{it}", "a"),
        lambda at: looked(at, f"m{(it := next(_NUMBERS))}", "before") and it,
        lambda at, it: (
            [looked(at, f"m{it}", name).set for name in ("a", f"b{next(_NUMBERS)}", "a")] == [2, 3, 2]
        ),
        reads_answer=False,
        requests=5,
    ),
}
BLOBS = {
    "BlobDatasetSource.properties": Case("blobs", lambda at, _: at.datasets.properties("p/a.jsonl")),
    "BlobDatasetSource.chunks": Case(
        "blobs", lambda at, it: b"".join(at.datasets.chunks("p/a.jsonl", it)), version_of, tries=3
    ),
    "BlobDatasetSource.changed_since": Case("blobs", lambda at, _: list(at.datasets.changed_since(LONG_AGO))),
    "BlobPipelineFiles.read": Case("blobs", lambda at, _: at.pipeline_files.read("p"), tries=3),
    "BlobPipelineFiles.read_text": Case(
        "blobs", lambda at, _: at.pipeline_files.read_text("p.yaml"), tries=3
    ),
    "BlobPipelineFiles.read_set": Case("blobs", lambda at, _: at.pipeline_files.read_set("p.yaml"), tries=3),
    "BlobPipelineFiles.names": Case("blobs", lambda at, _: at.pipeline_files.names()),
    "BlobArtifacts.read": Case("blobs", lambda at, it: at.artifacts.read(it), written, tries=3),
    "BlobArtifacts.open": Case("blobs", opened, written, tries=3),
    "BlobArtifacts.names": Case("blobs", lambda at, it: at.artifacts.names(it), written),
    "BlobArtifacts.write": Case(
        "blobs",
        lambda at, it: at.artifacts.write(f"w{it}", CONTENT, "text/plain"),
        holds=lambda at, it: at.artifacts.read(f"w{it}") == CONTENT,
        reads_answer=False,
    ),
}
FOUNDRY = {
    "FoundryFiles.named": Case("foundry", lambda at, _: at.files.named(frozenset({"a.jsonl"})), tries=3),
    "FoundryFiles.count": Case("foundry", lambda at, _: at.files.count(), tries=3),
    "FoundryFiles.content": Case(
        "foundry", lambda at, _: at.files.content("file-1"), is_opaque=True, tries=3
    ),
    "FoundryFiles.delete": Case(
        "foundry", lambda at, _: at.files.delete("file-1"), reads_answer=False, tries=3
    ),
    "FoundryFiles.upload": Case(
        "foundry", lambda at, _: at.files.upload("a.jsonl", io.BytesIO(b"{}\n"), FAR), is_idempotent=False
    ),
    "FoundryTrainer.jobs": Case("foundry", lambda at, _: at.trainer.jobs(LONG_AGO), tries=3),
    "FoundryTrainer.has_model": Case(
        "foundry", lambda at, _: at.trainer.has_model("gpt-4.1.ft-1"), reads_answer=False, tries=3
    ),
    "FoundryTrainer.job": Case("foundry", lambda at, _: at.trainer.job("ftjob-1"), tries=3),
    "FoundryTrainer.create": Case(
        "foundry",
        lambda at, _: at.trainer.create(
            {"model": "m", "training_file": "file-1"}, NOW + timedelta(seconds=9)
        ),
        is_idempotent=False,
    ),
    "FoundryTrainer.cancel": Case(
        "foundry", lambda at, _: at.trainer.cancel("ftjob-1"), reads_answer=False, tries=3
    ),
    "FoundryTrainer.events": Case("foundry", lambda at, _: at.trainer.events("ftjob-1", 9), tries=3),
    "FoundryTrainer.checkpoints": Case("foundry", lambda at, _: at.trainer.checkpoints("ftjob-1"), tries=3),
    "FoundryInference.answer": Case(
        "foundry",
        lambda at, _: (
            at.inference.answer(
                "d", [{"role": "user", "content": "hi"}], None, index=1, max_completion_tokens=9
            ).text
        ),
        tries=3,
    ),
}
OFFERED = OfferedModel(name="gpt-4.1", version="2025-04-14", format="OpenAI")
ARM = {
    "ArmDeployer.deployment": Case("arm", lambda at, _: at.deployer.deployment("d")),
    "ArmDeployer.put": Case(
        "arm",
        lambda at, _: at.deployer.put(
            "d", model="m", model_format="OpenAI", sku="GlobalStandard", capacity=5
        ),
        reads_answer=False,
    ),
    "ArmAccount.region": Case("arm", lambda at, _: at.account.region()),
    "ArmAccount.models": Case("arm", lambda at, _: at.account.models()),
    "ArmAccount.deployments": Case("arm", lambda at, _: at.account.deployments()),
    "ArmAccount.states": Case("arm", lambda at, _: at.account.states()),
    "ArmAccount.usages": Case("arm", lambda at, _: at.account.usages("swedencentral")),
    "ArmAccount.capacities": Case("arm", lambda at, _: at.account.capacities("swedencentral", OFFERED)),
    "ArmDeployer.delete": Case("arm", lambda at, _: at.deployer.delete("d"), reads_answer=False),
}
CASES = TABLES | BLOBS | FOUNDRY | ARM

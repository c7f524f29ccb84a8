"""Names and keys: deterministic, short, and safe wherever they are used."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final, Literal

#: Pipelines name folders, table keys and deployments; this is what all of them take.
PIPELINE_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")

#: Id of a run, as `identity.run_id` makes it.
RUN_ID: Final = re.compile(r"[0-9a-f]{20}")
#: Key of a row in a listing, as `newest_first` makes it.
LISTING_KEY: Final = re.compile(r"[0-9]{15}-[0-9a-f]{20}")

COMPANION_ROLES: Final = ("validation", "evaluation")
_COMPANION: Final = re.compile(r"(?:(?P<stem>.+)\.)?(?P<role>validation|evaluation)\.jsonl", re.DOTALL)


#: A segment `.` or `..`, behind which clients and proxies look in another folder (also where `\\` is taken for `/`), and
#: characters that end lines, steer terminals or turn text round.
_UNSAFE: Final = re.compile(
    r"(?:^|[/\\])\.{1,2}(?:[/\\]|\Z)"
    "|[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def is_safe(blob_name: str) -> bool:
    """Whether a blob's name leads where it says, and may be shown: no segment `.` or `..`, no control characters."""
    return not _UNSAFE.search(blob_name)


def person_key(object_id: str) -> str:
    """The same for each spelling of one object id: case, braces, hyphens and blanks around it tell nobody apart."""
    return object_id.strip().casefold().removeprefix("urn:uuid:").strip("{()}").replace("-", "")


def pipeline_of(blob_name: str) -> str | None:
    """The pipeline that a blob `{pipeline}/**/NAME.jsonl` belongs to, or None if its first folder is not a pipeline name."""
    folder, slash, _ = blob_name.partition("/")
    return folder if slash and PIPELINE_NAME.fullmatch(folder) else None


def companion_role(blob_name: str) -> str | None:
    """`validation` or `evaluation` if the blob accompanies a training file, None if it is a training file itself.

    A name that is refused accompanies nothing: it gets a run, which says so.
    """
    if not is_safe(blob_name):
        return None
    match = _COMPANION.fullmatch(blob_name.rpartition("/")[2])
    return match["role"] if match else None


def companion_names(training_name: str, role: str) -> tuple[str, ...]:
    """Where the companion of a training blob may lie: beside it, under its own name first."""
    folder, _, base = training_name.rpartition("/")
    prefix = f"{folder}/" if folder else ""
    stem = base.removesuffix(".jsonl")
    return (f"{prefix}{stem}.{role}.jsonl", f"{prefix}{role}.jsonl")


def artifact(run: str, name: str) -> str:
    """Blob name of one of a run's artifacts."""
    return f"runs/{run}/{name}"


def foundry_file(run: str, role: str, sha256: str) -> str:
    """File name in Foundry, from run and content, so that an upload of unknown outcome can be found again."""
    return f"{run}-{role}-{sha256[:8]}.jsonl"


def candidate_deployment(pipeline: str, run: str) -> str:
    """Deployment that serves a run's model for evaluation only (at most 64 letters, digits, hyphens)."""
    return f"{pipeline}-candidate-{run[:8]}"


def production_deployment(pipeline: str, run: str, strategy: str) -> str:
    """Deployment that clients will use: one per run (`blue_green`), or one for the whole pipeline (`replace`)."""
    return pipeline if strategy == "replace" else f"{pipeline}-{run[:8]}"


#: Tag of a deployment with the run that made it.
RUN_MARK: Final = "finetune-run"
#: Tags of the deployments that the app makes.
MARKS: Final = (RUN_MARK, "finetune-pipeline", "finetune-purpose")


def marks(run: str, pipeline: str, purpose: Literal["candidate", "production"]) -> dict[str, str]:
    """Tags of a deployment that the app makes, by which it and people know whose it is."""
    return dict(zip(MARKS, (run, pipeline, purpose), strict=True))


def job_seed(run: str) -> int:
    """The seed that a job gets when the pipeline names none: known, so that the job can be repeated."""
    return int(run[:8], 16) & 0x7FFFFFFF


def newest_first(at: datetime, run: str) -> str:
    """Row key that sorts newer runs before older ones: milliseconds left until the year 5138, then the run id."""
    left = 10**14 - int(at.timestamp() * 1000)
    return f"{left:015d}-{run}"


def oldest_first(at: datetime, run: str) -> str:
    """A key that sorts what is there for longer before the rest: milliseconds since 1970, then the run id."""
    return f"{int(at.timestamp() * 1000):015d}-{run}"


def run_of_key(key: str) -> str:
    """The run of a key that `newest_first` or `oldest_first` made."""
    return key.partition("-")[2]


#: Partition of table `claims` in which the places for runs in flight lie; no pipeline has such a name.
PLACES: Final = "_places"
#: Partition of the same table in which requests lie that were sent with a key of their own.
REQUESTS: Final = "_requests"


def place(number: int) -> str:
    """Row key of a place."""
    return f"place-{number:04d}"


def place_holder(run: str, since: datetime) -> str:
    """What stands in a place: the run, and since when it was queued, so that its next try has to take the place anew."""
    return f"{run}@{since.isoformat()}"


def run_in_place(holder: str) -> str:
    """The run of a holder."""
    return holder.partition("@")[0]


def index_partition(pipeline: str) -> str:
    """Partition of a pipeline's runs in the index; names that are not pipeline names are hashed, never used as they are."""
    if PIPELINE_NAME.fullmatch(pipeline):
        return f"pipeline:{pipeline}"
    return "pipeline:~" + hashlib.sha256(pipeline.encode(errors="surrogatepass")).hexdigest()[:20]

"""What makes two things the same: run ids, digests of what was stored or approved, fingerprints of work.

Identities outlive the release that made them: they stand in rows, gates and claims, and the next release must find the same ones.
So none is made from our own classes, whose fields change.  There are two ways:

- A digest is of **stored bytes** (`digest_of`).
- A fingerprint or a digest of a decision is of **named values**: a dictionary that is written out here (`digest`).

A value that joins the fingerprint later is left out while it has the value that means "as before":
`values | ({"set": spec.x} if spec.x is not None else {})`.  Otherwise every dataset that was paid for would look new.  A test
asks about each new key of the pipeline file whether it makes another job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from shared.core.run import Run
from shared.core.spec import Method, PipelineSpec


def run_id(container: str, name: str, etag: str) -> str:
    """Identity of the run of one dataset version: 20 hex digits, the same for every event about that version."""
    text = "\n".join((container, name, etag.strip('"')))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def digest_of(raw: bytes) -> str:
    """`sha256:...` of stored bytes."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def digest(values: Mapping[str, Any]) -> str:
    """`sha256:...` over the canonical JSON (sorted keys, UTF-8) of named values."""
    return digest_of(msgspec.json.encode(values, order="deterministic"))


def is_pin(raw: bytes, known: str) -> bool:
    """Whether stored bytes are the pin that a run knows by the digest `known`.

    A run that 0.1.0 pinned knows the digest of the JSON document with sorted keys; it is made of the document as it stands,
    whatever our classes make of it.
    """
    return known == digest_of(raw) or known == digest(msgspec.json.decode(raw))


def work_fingerprint(content_keys: Mapping[str, str], spec: PipelineSpec) -> str:
    """What makes work the same work: the examples, how they are split, the job.  64 hex digits.

    Args:
        content_keys: role (`training`, `validation`, `evaluation`) -> identity of the rows of the file that was dropped.
        spec: the pipeline file.
    """
    validation, evaluation = spec.dataset.validation, spec.dataset.evaluation
    splits: dict[str, dict[str, Any]] = {
        "validation": {
            "share": validation.share,
            "seed": validation.seed,
            "required": validation.required,
        },
        "evaluation": {
            "share": evaluation.share,
            "seed": evaluation.seed,
            "max_examples": evaluation.max_examples,
        },
    }
    values = {
        "files": dict(content_keys),
        "splits": {role: split for role, split in splits.items() if role not in content_keys},
        "job": job(spec),
    }
    return digest(values).removeprefix("sha256:")


def job(spec: PipelineSpec) -> dict[str, Any]:
    """What makes a job another job: with another value of these, the same data may be paid for again."""
    return {
        "model": spec.model,
        "suffix": spec.suffix,
        "seed": spec.seed,
        "training_type": spec.training_type,
        "method": _method(spec.method),
    }


def _method(method: Method) -> dict[str, Any]:
    return {
        "type": str(method.type),
        "hyperparameters": dict(method.hyperparameters),
        "grader": method.grader,
        "response_format": method.response_format,
    }


def spend_digest(run: Run) -> str:
    """Digest over what a `spend` approval approves: this work, at this price."""
    assert run.summary
    return digest(
        {
            "gate": "spend",
            "run": run.id,
            "dataset": _dataset(run),
            "pipeline_file": run.spec_digest,
            "fingerprint": run.summary.fingerprint,
            "billable_tokens": run.summary.billable_tokens,
            "estimated_usd": run.summary.estimated_usd,
        }
    )


def deployment_digest(run: Run, spec: PipelineSpec) -> str:
    """Digest over what a `deployment` approval approves: this model, on this evidence, to this place."""
    assert run.evaluation
    return digest(
        {
            "gate": "deployment",
            "run": run.id,
            "dataset": _dataset(run),
            "pipeline_file": run.spec_digest,
            "job": run.job_id,
            "model": run.model,
            "evaluation": run.evaluation.digest,
            "deployment": run.production,
            "sku": spec.deployment.sku,
            "capacity": spec.deployment.capacity,
        }
    )


def _dataset(run: Run) -> dict[str, str]:
    return {"container": run.dataset.container, "name": run.dataset.name, "etag": run.dataset.etag}

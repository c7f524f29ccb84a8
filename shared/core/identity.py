"""What makes two things the same: run ids, digests of what was stored or approved, fingerprints of work.

Identities outlive the release that made them: they stand in rows, gates and claims, and the next release must find the same ones.
So none is made from our own classes, whose fields change.  There are two ways:

- A digest is of **stored bytes** (`digest_of`).
- A fingerprint, and a digest of what people approve, is of **named values**: a dictionary that is written out here (`digest`).

A value that joins the fingerprint later is left out while it has the value that means "as before":
`values | ({"new_key": spec.x} if spec.x is not None else {})`.  Otherwise every dataset that was paid for would look new.  A test
asks about each new key of the pipeline file whether it makes another job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from shared.core.run import Run
from shared.core.spec import PipelineSpec, PromoteRule

_HYPERPARAMETER_PREFIX: Final = "hyperparameters."

_ABSENT: Final = object()

#: What 0.1.0 took where the pipeline file says nothing, by key; `_ABSENT`: it wrote nothing.  Whatever a later release takes
#: there, the fingerprint says this: whoever drops known data again with the same pipeline file does not pay again.  The price:
#: who asks in so many words for a default of 0.1.0, after a later one was trained with, is told that the work is known.
FIRST_DEFAULTS: Final[Mapping[str, Any]] = {
    "suffix": None,
    "seed": None,
    "extra_body.trainingType": "GlobalStandard",
    "method.type": "supervised",
    "hyperparameters.n_epochs": "auto",
    "hyperparameters.batch_size": "auto",
    "hyperparameters.learning_rate_multiplier": "auto",
    "hyperparameters.beta": _ABSENT,
    "hyperparameters.l2_multiplier": _ABSENT,
    "hyperparameters.compute_multiplier": _ABSENT,
    "hyperparameters.eval_interval": _ABSENT,
    "hyperparameters.eval_samples": _ABSENT,
    "hyperparameters.reasoning_effort": _ABSENT,
    "dataset.validation.split": 0.1,
    "dataset.validation.seed": 42,
    "dataset.validation.required": False,
    "dataset.evaluation.split": 0.1,
    "dataset.evaluation.seed": 42,
    "dataset.evaluation.max_examples": 200,
}


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
    if known == digest_of(raw):
        return True
    try:
        return known == digest(msgspec.json.decode(raw))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def work_fingerprint(
    content_keys: Mapping[str, str],
    spec: PipelineSpec,
    left_out: Collection[str] = (),
    evaluation_set: str | None = None,
) -> str:
    """What makes work the same work: the examples, how they are split, the job.  64 hex digits.

    Args:
        content_keys: role (`training`, `validation`, `evaluation`) -> identity of the rows of the file that was dropped.
        spec: the pipeline file.
        left_out: keys of `FIRST_DEFAULTS` that the file leaves out.
        evaluation_set: SHA-256 of the bytes of `evaluation.set`, against which training rows are put aside; None without one.
    """
    values = _values(spec) | {key: FIRST_DEFAULTS[key] for key in left_out}
    splits = {
        "validation": {
            "share": values["dataset.validation.split"],
            "seed": values["dataset.validation.seed"],
            "required": values["dataset.validation.required"],
        },
        "evaluation": {
            "share": values["dataset.evaluation.split"],
            "seed": values["dataset.evaluation.seed"],
            "max_examples": values["dataset.evaluation.max_examples"],
        },
    }
    is_given = {*content_keys, *(["evaluation"] if evaluation_set else [])}
    named: dict[str, Any] = {
        "files": dict(content_keys),
        "splits": {role: split for role, split in splits.items() if role not in is_given},
        "job": {
            "model": spec.model,
            "suffix": values["suffix"],
            "seed": values["seed"],
            "training_type": values["extra_body.trainingType"],
            "method": {
                "type": values["method.type"],
                "hyperparameters": {
                    key.removeprefix(_HYPERPARAMETER_PREFIX): value
                    for key, value in values.items()
                    if key.startswith(_HYPERPARAMETER_PREFIX) and value is not _ABSENT
                },
                "grader": spec.method.grader,
                "response_format": spec.method.response_format,
            },
        },
    }
    named |= {"evaluation_set": evaluation_set} if evaluation_set else {}
    return digest(named).removeprefix("sha256:")


def _values(spec: PipelineSpec) -> dict[str, Any]:
    """The values of the keys of `FIRST_DEFAULTS`, and of the other hyperparameters."""
    validation, evaluation = spec.dataset.validation, spec.dataset.evaluation
    return {
        "suffix": spec.suffix,
        "seed": spec.seed,
        "extra_body.trainingType": spec.training_type,
        "method.type": str(spec.method.type),
        **{f"{_HYPERPARAMETER_PREFIX}{name}": value for name, value in spec.method.hyperparameters.items()},
        "dataset.validation.split": validation.share,
        "dataset.validation.seed": validation.seed,
        "dataset.validation.required": validation.required,
        "dataset.evaluation.split": evaluation.share,
        "dataset.evaluation.seed": evaluation.seed,
        "dataset.evaluation.max_examples": evaluation.max_examples,
    }


def look_digest(
    exam: str,
    answers: Collection[str],
    grader: Mapping[str, Any],
    rule: PromoteRule,
    must_pass: Collection[int] = (),
) -> str:
    """What makes two comparisons the same look: the same answers of all sides, under the same grader and rule.

    Args:
        exam: SHA-256 of the held-out examples.
        answers: digest of the stored answers of each side.
        grader: the deciding one, as the pipeline file has it.
        rule: the promotion rule.
        must_pass: lines of `evaluation.set` that a candidate has to pass.
    """
    asked: dict[str, Any] = {
        "line": rule.line,
        "may_be_worse": rule.not_worse_by is not None,
        "confidence": rule.confidence,
        "max_cost_ratio": rule.max_cost_ratio,
        "max_prompt_ratio": rule.max_prompt_ratio,
        "max_severe_regressions": rule.max_severe_regressions,
    }
    asked |= {} if rule.max_slice_loss is None else {"max_slice_loss": rule.max_slice_loss}
    asked |= {"must_pass": sorted(must_pass)} if must_pass else {}
    return digest({"exam": exam, "answers": sorted(answers), "grader": dict(grader), "rule": asked})


def spend_digest(run: Run) -> str:
    """Digest over what a `spend` approval approves: one job for this work, at this price."""
    assert run.summary
    return digest(
        ({"job": run.spend_round + 1} if run.spend_round else {})
        | {
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
    """Digest over what a `deployment` approval approves: this model, on this evidence, to this place, over this champion.

    Of a run that was judged again, also by what and at which try: the same evidence needs another approval.
    """
    assert run.evaluation
    champion, judging = run.evaluation.champion, run.judging
    return digest(
        ({} if champion is msgspec.UNSET else {"champion": champion})
        | ({"judged_by": judging.pin, "evaluation_round": run.evaluation_round} if judging else {})
        | {
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

"""Identities outlive releases: which values they are made of, and which they are not."""

import hashlib
import json

import msgspec
import pytest

from shared.core import identity
from shared.core.pipeline import job
from shared.core.pipeline.file import parse_pipeline
from shared.core.spec import MethodType, PipelineSpec

KEYS = {"training": "0" * 64}

#: Keys of a pipeline file with which the same data is still the same work: nothing of them reaches the job or the split.
NOT_WORK = {
    *(
        "name",
        "description",
        "metadata",
        "integrations",
        "budget",
        "prices",
        "evaluation",
        "approval",
        "deployment",
    ),
    *(
        "dataset.default_action",
        "dataset.actions",
        "dataset.quarantine_max_share",
        "dataset.rule_set",
        "dataset.rules",
    ),
}


def spec_of(text):
    return parse_pipeline(f"model: gpt-4.1\n{text}", name="p").spec


def left_out(text):
    return set(parse_pipeline(f"model: gpt-4.1\n{text}", name="p").left_out)


def fingerprint(spec, keys=KEYS, without=()):
    return identity.work_fingerprint(keys, spec, without)


def another(value):
    """Some other value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case dict():
            return {**value, "another": "x"}
        case tuple():
            return (*value, {"type": "another"})
        case _:
            return MethodType.DPO if isinstance(value, MethodType) else f"{value}-another"


def changed(spec, path):
    """The spec with another value at a path."""
    name, _, below = path.partition(".")
    value = getattr(spec, name)
    if below:
        return msgspec.structs.replace(spec, **{name: changed(value, below)})
    if isinstance(value, msgspec.Struct):
        first = msgspec.structs.fields(value)[0].name
        return msgspec.structs.replace(spec, **{name: changed(value, first)})
    return msgspec.structs.replace(spec, **{name: another(value)})


def paths(kind, prefix=""):
    """Paths of all values; a part that is no work at all counts as one."""
    for field in msgspec.structs.fields(kind):
        path = prefix + field.name
        is_part = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        yield from paths(field.type, path + ".") if is_part and path not in NOT_WORK else [path]


@pytest.mark.parametrize("path", list(paths(PipelineSpec)))
def test_each_key_of_the_pipeline_file_makes_other_work_or_is_known_not_to(path):
    spec = spec_of(
        "method: {type: reinforcement, reinforcement: {grader: {type: python, name: g, source: 'def grade(sample, item): ...'}}}"
    )
    makes_other_work = fingerprint(changed(spec, path)) != fingerprint(spec)

    assert makes_other_work is (path not in NOT_WORK), (
        f"{path}: say in shared/core/identity.py that it makes another job, left out while it means 'as before', "
        "or here in NOT_WORK that it does not"
    )


@pytest.mark.parametrize(
    "rule",
    [
        "superior_by: 0.1",
        "not_worse_by: 0.1, max_prompt_ratio: 0.5",
        "max_cost_ratio: 2",
        "max_severe_regressions: 0.05",
        "min_gain: 0.1",
    ],
)
def test_another_rule_of_promotion_is_the_same_work(rule):
    text = f"evaluation: {{promote: {{{rule}}}}}"

    assert spec_of(text) != spec_of("")
    assert fingerprint(spec_of(text), without=left_out(text)) == fingerprint(
        spec_of(""), without=left_out("")
    )


def test_the_values_of_0_1_0_are_written_as_0_1_0_wrote_them():
    """Taken from that release's rows; what is written differently makes all known data new."""
    text = "method: {type: supervised, supervised: {hyperparameters: {n_epochs: 2}}}"
    written = {
        "files": KEYS,
        "splits": {
            "validation": {"share": 0.1, "seed": 42, "required": False},
            "evaluation": {"share": 0.1, "seed": 42, "max_examples": 200},
        },
        "job": {
            "model": "gpt-4.1",
            "suffix": None,
            "seed": None,
            "training_type": "GlobalStandard",
            "method": {
                "type": "supervised",
                "hyperparameters": {"n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": "auto"},
                "grader": None,
                "response_format": None,
            },
        },
    }
    raw = json.dumps(written, sort_keys=True, separators=(",", ":")).encode()

    assert fingerprint(spec_of(text), without=left_out(text)) == hashlib.sha256(raw).hexdigest()


def test_a_frozen_set_makes_other_work_by_its_rows_and_takes_the_place_of_the_evaluation_split():
    spec, split = spec_of(""), spec_of("dataset: {evaluation: {split: 0.3}}")
    plain, first, second = (
        identity.work_fingerprint(KEYS, spec, (), evaluation_set) for evaluation_set in (None, "a", "b")
    )

    assert plain == fingerprint(spec)
    assert len({plain, first, second}) == 3
    assert identity.work_fingerprint(KEYS, split, (), "a") == first


def test_a_companion_takes_the_place_of_its_split():
    keys = {"training": "a", "validation": "b", "evaluation": "c"}
    without, other = spec_of(""), spec_of("dataset: {validation: {split: 0.2}, evaluation: {split: 0.3}}")

    assert fingerprint(without, keys) == fingerprint(other, keys)
    assert fingerprint(without) != fingerprint(other)
    assert fingerprint(without, keys) != fingerprint(without, {**keys, "evaluation": "d"})


def test_spellings_of_the_same_number_make_the_same_job():
    spellings = (
        "epochs: 3, learning_rate_multiplier: 1",
        "n_epochs: 3, learning_rate_multiplier: 1.0, batch_size: auto",
    )
    texts = [f"method: {{type: supervised, supervised: {{hyperparameters: {{{s}}}}}}}" for s in spellings]

    assert fingerprint(spec_of(texts[0])) == fingerprint(spec_of(texts[1]))


def test_a_pin_is_known_by_its_bytes_or_as_the_first_release_knew_it():
    raw = b'{"spec": {"name": "p", "later_key": 1.0, "budget": 50}, "source": "\xc3\xa4"}'
    first = b'{"source":"\xc3\xa4","spec":{"budget":50,"later_key":1.0,"name":"p"}}'

    assert identity.is_pin(raw, identity.digest_of(raw))
    assert identity.is_pin(raw, "sha256:" + hashlib.sha256(first).hexdigest())
    assert not identity.is_pin(raw.replace(b"50", b"51"), identity.digest_of(raw))
    assert not identity.is_pin(raw.replace(b"50", b"51"), "sha256:" + hashlib.sha256(first).hexdigest())


def test_what_a_file_leaves_out_is_known():
    everything = set(identity.FIRST_DEFAULTS)
    epochs = "method: {type: supervised, supervised: {hyperparameters: {epochs: 3, batch_size: null}}}"

    assert left_out("") == everything
    assert left_out("seed: null") == everything
    assert left_out("seed: 1\nextra_body: {trainingType: standard}") == everything - {
        "seed",
        "extra_body.trainingType",
    }
    assert left_out(epochs) == everything - {"method.type", "hyperparameters.n_epochs"}
    assert left_out("dataset: {validation: required}") == everything - {"dataset.validation.required"}
    assert left_out("dataset: {validation: {split: 0.1}}") == everything - {"dataset.validation.split"}


def test_a_value_that_is_left_out_is_the_default_of_0_1_0_whatever_it_is_today():
    plain, other = (
        spec_of(""),
        spec_of("seed: 5\ndataset: {validation: {split: 0.3}, evaluation: {max_examples: 9}}"),
    )
    later_defaults = {"seed", "dataset.validation.split", "dataset.evaluation.max_examples"}

    assert fingerprint(other, without=later_defaults) == fingerprint(plain)
    assert fingerprint(other, without={"seed"}) != fingerprint(plain)


@pytest.mark.parametrize(("method", "name"), [("dpo", "beta"), ("reinforcement", "reasoning_effort")])
def test_a_hyperparameter_to_which_a_later_release_gives_a_default_makes_no_known_data_new(method, name):
    block = (
        "reinforcement: {grader: {type: python, name: g, source: 'def grade(sample, item): ...'}}"
        if method == "reinforcement"
        else "dpo: {}"
    )
    text = f"method: {{type: {method}, {block}}}"
    spec = spec_of(text)
    with_default = msgspec.structs.replace(
        spec,
        method=msgspec.structs.replace(
            spec.method, hyperparameters={**spec.method.hyperparameters, name: 0.1}
        ),
    )

    assert f"hyperparameters.{name}" in left_out(text)
    assert fingerprint(with_default, without=left_out(text)) == fingerprint(spec)
    assert fingerprint(with_default) != fingerprint(spec)


def test_every_hyperparameter_that_the_reader_knows_has_its_first_default():
    known = {name for names in job._ALLOWED.values() for name in names}

    assert {f"hyperparameters.{name}" for name in known} == {
        key for key in identity.FIRST_DEFAULTS if key.startswith("hyperparameters.")
    }, "a later one joins the fingerprint only if the file gives it: see shared/core/identity.py"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe{", b"[" * 5000], ids=["empty", "cut", "UTF-16", "deep"]
)
def test_what_is_not_json_is_a_pin_only_by_its_bytes(raw):
    assert identity.is_pin(raw, identity.digest_of(raw))
    assert not identity.is_pin(raw, "sha256:" + "0" * 64)

"""Every key of a pipeline file is documented, read, passed on and tried; what is forgotten of a new one is said here."""

import copy
from pathlib import Path

import msgspec
import pytest

from shared.core.pipeline import file
from shared.core.pipeline.file import PipelineFileError, parse_pipeline
from shared.core.pipeline.reference import Key, keys_of, parts_of
from shared.core.pipeline.yaml import load, to_plain
from shared.core.spec import Baseline, Budget, Method, PipelineSpec, SmokeQuestion

EXAMPLE_FILE = Path(__file__).with_name("every_key.yaml")
EXAMPLE = to_plain(load(EXAMPLE_FILE.read_text())[0])
KEYS = list(keys_of())
#: Keys that stand alone, and the key of the example in whose place each is tried.
ALTERNATIVES = dict.fromkeys(
    ("evaluation.promote.not_worse_by", "evaluation.promote.min_gain"), "evaluation.promote.superior_by"
)


def parse(tree) -> PipelineSpec:
    return parse_pipeline(msgspec.json.encode(tree).decode(), name="p").spec


def problems_or_none(tree):
    try:
        parse(tree)
    except PipelineFileError as error:
        return error.problems
    return None


def holder_of(tree, path: str):
    """The mapping that has the last key of a path, and that key; None if it is not there."""
    *above, last = path.replace("TYPE", "reinforcement").split(".")
    for key in above:
        tree = tree.get(key, {})
    return (tree, last) if last in tree else None


def without(tree, path: str):
    changed = copy.deepcopy(tree)
    mapping, key = holder_of(changed, path)
    del mapping[key]
    return changed


def example_with(key: Key):
    """The example, with this key for the one that it is an alternative to."""
    changed = copy.deepcopy(EXAMPLE)
    if other := ALTERNATIVES.get(key.path):
        mapping, name = holder_of(changed, other)
        mapping[key.path.rpartition(".")[2]] = mapping.pop(name)
    return changed


def forgotten(key: Key, example) -> str | None:
    """What is still to be done for a key; None if nothing is."""
    if holder_of(example, key.path) is None:
        return f"{key.path}: give it a value in {EXAMPLE_FILE.name}, another one than its default"
    try:
        spec = parse(example)
    except PipelineFileError as error:
        assert any(problem.path == key.path for problem in error.problems), error
        return f"{key.path}: nothing in shared/core/pipeline reads it ({error})"
    try:
        left_out = parse(without(example, key.path))
    except PipelineFileError:
        return None  # it must be there, so it was read
    if spec == left_out:
        return f"{key.path}: its reader must pass it to {key.field}, and {EXAMPLE_FILE.name} needs another value than the default"
    return None


@pytest.mark.no_cover
@pytest.mark.parametrize("key", KEYS, ids=[key.path for key in KEYS])
def test_every_key_is_read_passed_on_and_in_the_example(key):
    assert forgotten(key, example_with(key)) is None


@pytest.mark.parametrize("key", KEYS, ids=[key.path for key in KEYS])
def test_a_value_of_another_kind_is_refused_at_its_place(key):
    changed = example_with(key)
    if (holder := holder_of(changed, key.path)) is None:
        pytest.skip("not in the example, which another test reports")
    mapping, last = holder
    mapping[last] = [[{}]]

    with pytest.raises(PipelineFileError) as caught:
        parse(changed)

    path = key.path.replace("TYPE", "reinforcement")
    assert any(problem.path.startswith(path) for problem in caught.value.problems)


def places_of(tree, path=()):
    """The path of every value below, as keys and positions."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, below in inner:
        yield (*path, step)
        yield from places_of(below, (*path, step))


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("value", [[], {}, 3], ids=["a list", "a mapping", "a number"])
def test_a_value_of_another_kind_anywhere_is_read_or_refused_never_anything_else(value):
    for *above, last in places_of(EXAMPLE):
        changed = holder = copy.deepcopy(EXAMPLE)
        for step in above:
            holder = holder[step]
        holder[last] = value

        assert problems_or_none(changed) != ()


def test_what_is_left_out_has_the_default_of_its_struct():
    """Readers take defaults from `shared.core.spec`; a struct cannot know what depends on the method."""
    automatic = dict.fromkeys(("n_epochs", "batch_size", "learning_rate_multiplier"), "auto")

    assert parse({"model": "novel"}) == PipelineSpec(
        name="p",
        model="novel",
        method=Method(hyperparameters=automatic),
    )


@pytest.mark.parametrize("part", parts_of(), ids=lambda part: part.__name__)
def test_every_field_is_documented(part):
    list(keys_of(part))


def test_the_parts_of_a_pipeline_file_are_all_found():
    assert {PipelineSpec, Method, Budget, Baseline, SmokeQuestion} <= set(parts_of())
    assert len(set(parts_of())) == len(parts_of())


# -- the recipe of CONTRIBUTING, tried with a key that nobody has


def with_scratch_key(documented: str = "") -> type[msgspec.Struct]:
    fields = [
        (f.name, f.type)
        if f.required
        else (
            f.name,
            f.type,
            f.default
            if f.default is not msgspec.NODEFAULT
            else msgspec.field(default_factory=f.default_factory),
        )
        for f in msgspec.structs.fields(PipelineSpec)
    ]
    doc = {"__doc__": PipelineSpec.__doc__ + documented}
    return msgspec.defstruct("PipelineSpec", [*fields, ("scratch_s", int, 90)], namespace=doc, kw_only=True)


def scratch_key() -> Key:
    documented = with_scratch_key("    scratch_s (scratch): what it\n        means.\n")
    return next(key for key in keys_of(documented) if key.path == "scratch")


def test_a_new_key_without_documentation_is_reported():
    with pytest.raises(LookupError, match=r"PipelineSpec.scratch_s has no entry .* in shared/core/spec.py"):
        list(keys_of(with_scratch_key()))


def test_a_new_key_is_documented_with_the_default_of_its_field():
    assert scratch_key() == Key("scratch", "PipelineSpec.scratch_s", "`PT90S`", "what it means")


def test_a_new_key_without_an_example_is_reported():
    assert "scratch: give it a value in every_key.yaml" in forgotten(scratch_key(), EXAMPLE)


def test_a_new_key_without_a_reader_is_reported():
    reason = forgotten(scratch_key(), EXAMPLE | {"scratch": 1})

    assert "scratch: nothing in shared/core/pipeline reads it" in reason
    assert "unknown key" in reason


def test_a_new_key_that_is_read_and_dropped_is_reported(monkeypatch):
    note_ignored = file.job.note_ignored

    def also_take_scratch(root, name):
        root.take("scratch")
        note_ignored(root, name)

    monkeypatch.setattr(file.job, "note_ignored", also_take_scratch)

    assert "must pass it to PipelineSpec.scratch_s" in forgotten(scratch_key(), EXAMPLE | {"scratch": 1})

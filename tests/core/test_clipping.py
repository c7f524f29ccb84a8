"""Texts that are stored fit into tables, and what fits already is left alone."""

import msgspec
import pytest

from shared.adapters.table_codec import run_from_entity, run_to_entity
from shared.core.clipping import TEXT_UNITS_MAX, clip, clipped
from shared.core.run import Status
from tests.support.builders import a_run

PROPERTY_UNITS_MAX = 32_768


def units(text):
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "Zürich",
        "漢字",
        "🙂",
        "e\u0301",
        "\x00\n",
        "x" * TEXT_UNITS_MAX,
        "🙂" * (TEXT_UNITS_MAX // 2),
    ],
)
def test_what_fits_is_left_alone(text):
    assert clip(text) is text


@pytest.mark.parametrize("char", ["x", "ü", "漢", "🙂", "a🙂"])
def test_what_does_not_fit_is_cut_with_a_mark(char):
    text = clip(char * (TEXT_UNITS_MAX + 1))

    assert text.endswith("…")
    assert text.removesuffix("…").rstrip("\ufffd") in char * (TEXT_UNITS_MAX + 1)
    assert TEXT_UNITS_MAX - 2 <= units(text) <= TEXT_UNITS_MAX


@pytest.mark.parametrize("text", ["\ud83d", "a\ude00b", "\ud83d" * 9000])
def test_halves_of_characters_are_replaced_so_that_it_can_be_written(text):
    assert "\ufffd" in clip(text)
    assert clip(text).encode()


def test_texts_are_clipped_however_deep_they_lie():
    long = "🙂" * 30_000
    run = a_run(Status.TRAINING, warnings=("short", long), trouble=long, stale_digests={"sha256:1": long})
    found = clipped(run)

    assert [units(text) for text in (found.warnings[1], found.trouble, found.stale_digests["sha256:1"])] == [
        TEXT_UNITS_MAX
    ] * 3
    assert (found.warnings[0], found.id, found.status) == ("short", run.id, Status.TRAINING)
    assert clipped(found) is found


def test_a_state_of_any_characters_fits_into_the_properties_of_a_row():
    run = a_run(Status.TRAINING, warnings=tuple("🙂" * 15_000 for _ in range(12)))
    entity = run_to_entity(run)

    assert max(units(value) for value in entity.values() if isinstance(value, str)) <= PROPERTY_UNITS_MAX
    assert run_from_entity(entity) == run
    assert len(msgspec.json.encode(entity)) < 1024 * 1024


def test_of_the_state_before_only_what_changed_is_looked_at_again():
    long = "x" * 30_000
    before = a_run(Status.TRAINING, warnings=(long,))
    found = clipped(before.evolve(trouble=long), stored=before)

    assert found.warnings is before.warnings  # as it was read: it fits where it was stored
    assert units(found.trouble) == TEXT_UNITS_MAX
    assert clipped(found, stored=before) is found

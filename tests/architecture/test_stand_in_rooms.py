"""The rooms of the Foundry stand-in: which there are, and which of them imports which."""

import ast
import re
from pathlib import Path

import pytest

STAND_IN = Path(__file__).parents[2] / "local" / "foundry"

#: Room -> the rooms that its modules import.  Modules beside the rooms put everything together, and no room imports them.
DOORS = {
    "common": set(),
    "graders": {"common"},
    "learning": {"common", "graders"},
    "answers": {"common", "graders", "learning"},
    "control": {"common"},
    "arm": {"common", "control"},
    "data_plane": {"answers", "arm", "common", "control", "graders"},
    "training": {"common", "data_plane", "graders", "learning"},
}
LINES_MAX = 350


def ours(path):
    """The modules of the stand-in that a file imports, as paths below `local.foundry`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("local.foundry"):
            rest = node.module.split(".")[2:]
            yield from ([rest] if rest else [[alias.name] for alias in node.names])


def doors_of(room):
    found = {names[0] for path in (STAND_IN / room).glob("*.py") for names in ours(path)}
    return found - {room}


def modules_of(room):
    """The modules of a room without its `__init__`; with no room, those beside the rooms."""
    return sorted(path.stem for path in (STAND_IN / room).glob("*.py") if not path.stem.startswith("__"))


def test_every_room_is_listed_and_says_what_it_holds():
    rooms = {path.parent.name for path in STAND_IN.glob("*/__init__.py")}

    assert rooms == DOORS.keys()
    for room in rooms:
        lines = (STAND_IN / room / "__init__.py").read_text().splitlines()
        assert len(lines) == 1, room
        assert lines[0].startswith('"""'), room
        assert lines[0].endswith('."""'), room


@pytest.mark.parametrize("room", DOORS)
def test_a_room_has_the_doors_that_are_listed_and_no_other(room):
    assert doors_of(room) == DOORS[room]


def test_doors_open_one_way_to_the_rooms_above():
    rooms = list(DOORS)

    assert [room for room in rooms if not DOORS[room] <= set(rooms[: rooms.index(room)])] == []


def test_the_readme_lists_every_room_and_module_in_this_order():
    text = (
        (STAND_IN / "README.md").read_text().partition("| room | modules | holds |")[2].partition("\n\n")[0]
    )
    listed, room = {}, ""
    for line in text.strip().splitlines()[1:]:
        first, modules = (cell.strip() for cell in line.strip("|").split("|")[:2])
        room = first.partition("]")[0].removeprefix("[") or room
        listed.setdefault(room, []).extend(re.findall(r"`(\w+)`", modules))
    beside = listed.pop("beside them")

    assert list(listed) == list(DOORS)
    for room, modules in listed.items():
        assert sorted(modules) == modules_of(room), room
    assert sorted(beside) == modules_of("")


def test_no_module_of_the_stand_in_is_large():
    lines = {
        str(path.relative_to(STAND_IN)): len(path.read_text().splitlines()) for path in STAND_IN.rglob("*.py")
    }

    assert {name: count for name, count in lines.items() if count > LINES_MAX} == {}

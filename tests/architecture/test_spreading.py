"""How tests are spread over processes: the files that are named are there, and one cloud serves all that may share it."""

from pathlib import Path

from tests.support.spreading import LONG, ONE_CLOUD

ROOT = Path(__file__).parents[2]


def test_each_file_that_begins_first_is_there():
    assert [name for name in LONG if not (ROOT / name).exists()] == []
    assert len(set(LONG)) == len(LONG)


def test_all_files_that_use_the_shared_cloud_are_in_one_process():
    """Those that ask for the fixture `driver`, and none that makes a cloud of its own."""
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests" / "e2e").glob("test_*.py")
        if "(driver" in path.read_text() and "driven(" not in path.read_text()
    }

    assert asking == set(ONE_CLOUD)

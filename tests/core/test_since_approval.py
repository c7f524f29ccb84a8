"""What differs between a run and the last one that was promoted."""

from shared.core.since_approval import Side, changes

FILE = "model: a\nsuffix: old\nbudget: {per_run_usd: 5}\n"


def key(*numbers):
    return b"".join(number.to_bytes(8, "big") for number in numbers)


def said(found):
    return {fact.what: fact.said for fact in found.facts}


def test_what_is_the_same_is_said_to_be_the_same():
    side = Side(
        run_id="a", source=FILE, model="m", graders="exact", exam="e" * 64, rows="r", examples=9, against=""
    )

    found = changes(side, side)

    assert set(said(found).values()) == {"the same", "the same rows", "the same exam"}
    assert (found.lines, found.file_said) == ((), "The pipeline file is the same.")


def test_lines_of_the_pipeline_file_and_rows_that_came_and_went_are_shown():
    before = Side(run_id="a", source=FILE, rows="r1", examples=4, keys=key(1, 2, 2, 3), against="")
    now = Side(
        run_id="b",
        source=FILE.replace("old", "new"),
        rows="r2",
        examples=4,
        keys=key(2, 3, 4, 5),
        against="a",
    )

    found = changes(now, before)

    assert [(line.sign, line.text) for line in found.lines] == [
        (" ", "model: a"),
        ("-", "suffix: old"),
        ("+", "suffix: new"),
        (" ", "budget: {per_run_usd: 5}"),
    ]
    assert said(found)["training rows"] == "2 added, 2 removed, 2 as before"
    assert said(found)["measured against the model of"] == "another"
    assert found.file_said == "The pipeline file differs in 2 lines."


def test_what_is_not_stored_is_not_known():
    found = changes(Side(run_id="b"), Side(run_id="a"))

    assert set(said(found).values()) == {"not known"}
    assert found.file_said == "It is not known whether the pipeline file differs."
    others = changes(Side(run_id="b", rows="1", keys=b"odd"), Side(run_id="a", rows="2", keys=key(1)))
    assert said(others)["training rows"] == "others; which ones is not known"


def test_a_long_file_is_cut_and_a_longer_one_is_not_compared():
    old = "\n".join(f"a{number}" for number in range(300))
    new = "\n".join(f"b{number}" for number in range(300))

    found = changes(Side(run_id="b", source=new), Side(run_id="a", source=old))

    assert len(found.lines) == 80
    assert found.lines_left_out == 520
    assert found.file_said == "The pipeline file differs in 600 lines."
    longer = changes(Side(run_id="b", source=new * 20), Side(run_id="a", source="x"))
    assert longer.file_said == "The pipeline file differs; it is too long to be compared here."

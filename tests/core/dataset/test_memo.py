"""What is kept is bounded, by number and by size."""

from shared.core.dataset.memo import Memo


def test_what_was_kept_is_there_until_there_are_too_many():
    memo: Memo[str, int] = Memo(entries_max=2)
    assert memo.keep("a", 1) == 1
    memo.keep("b", 2)
    assert (memo.get("a"), memo.get("b")) == (1, 2)

    memo.keep("c", 3)

    assert (memo.get("a"), memo.get("b"), memo.get("c")) == (None, None, 3)


def test_what_was_kept_is_there_until_it_is_too_large():
    memo: Memo[str, int] = Memo(size_max=10)
    memo.keep("a", 1, 6)
    assert memo.keep("huge", 2, 11) == 2
    assert (memo.get("a"), memo.get("huge")) == (1, None)

    memo.keep("b", 3, 6)

    assert (memo.get("a"), memo.get("b")) == (None, 3)

"""Near duplicates: what is nearly the same is found, what is not is not, whatever stands around it."""

import itertools
import json
import random
import re

import numpy as np

from shared.core.dataset.sketch import ROW_END, VALUES, Sketcher, SketchTable, similar_pairs

VOCABULARY = [f"word{i}" for i in range(20_000)]


def sketches_of(texts: list[str], sketcher: Sketcher | None = None) -> bytes:
    rows = [json.dumps(text, ensure_ascii=False).encode() + ROW_END for text in texts]
    return (sketcher or Sketcher()).rows(b"".join(rows), list(itertools.accumulate(map(len, rows))))


def pairs_of(texts: list[str]) -> set[tuple[int, int]]:
    table = SketchTable()
    table.make_room(len(texts))
    table.put(0, sketches_of(texts))
    return {(a, b) for a, b, _ in similar_pairs(table)}


def jaccard(first: str, second: str) -> float:
    a, b = ({tuple(w[i : i + 3]) for i in range(len(w) - 2)} for w in (first.split(), second.split()))
    return len(a & b) / len(a | b)


def text_of(random_: random.Random, words: int) -> list[str]:
    return random_.choices(VOCABULARY, k=words)


def test_texts_with_two_percent_of_words_changed_are_found():
    random_ = random.Random(1)
    texts, truth = [], 0
    for _ in range(300):
        words = text_of(random_, random_.randint(80, 400))
        other = list(words)
        for _ in range(len(words) * 2 // 100):
            other[random_.randrange(len(other))] = random_.choice(VOCABULARY)
        texts += [" ".join(words), " ".join(other)]
    found = pairs_of(texts)
    near = {(i, i + 1) for i in range(0, 600, 2) if jaccard(texts[i], texts[i + 1]) > 0.87}
    truth = len(near)

    assert truth > 100
    assert len(near & found) >= 0.97 * truth


def test_what_has_less_than_two_thirds_in_common_is_not_found():
    random_ = random.Random(2)
    texts = []
    for _ in range(300):
        words = text_of(random_, 120)
        texts += [" ".join(words), " ".join(words[:80] + text_of(random_, 40))]

    assert {pair for pair in pairs_of(texts) if jaccard(texts[pair[0]], texts[pair[1]]) < 0.66} == set()


def test_case_and_white_space_do_not_matter_even_in_short_texts():
    assert pairs_of(["What is the time?", "what  is the\nTIME?", "What is the date?"]) == {(0, 1)}


def test_a_word_at_the_very_beginning_counts():
    bare, quoted = b"null and two more words", b'"null and two more words"'

    assert Sketcher().rows(bare + ROW_END, [len(bare + ROW_END)]) == Sketcher().rows(
        quoted + ROW_END, [len(quoted + ROW_END)]
    )


def test_a_sketch_does_not_depend_on_its_neighbours():
    random_ = random.Random(3)
    texts = [" ".join(text_of(random_, n)) for n in (3, 10, 40, 200)]
    together = sketches_of(texts)

    assert [together[i * VALUES : (i + 1) * VALUES] for i in range(4)] == [
        sketches_of([text]) for text in texts
    ]


def test_texts_without_spaces_are_compared_by_their_characters():
    chinese = (
        "这项研究评估了四十名患者在两年内接受新药治疗的效果其中一半患者服用安慰剂结果显示新药显著降低了死亡率"
    )
    other = (
        "本文综述了关于老年人睡眠的已知情况包括实验室研究和日记研究并讨论了未来的研究方向以及目前方法的局限性"
    )

    assert pairs_of([chinese, re.sub("显著", "明显", chinese), other]) == {(0, 1)}


def test_rows_without_words_are_like_nothing():
    assert pairs_of(["", "", "a", "a b"]) == set()


def test_a_table_of_many_pieces_holds_what_was_put_into_it():
    random_, rows = random.Random(4), 40_000
    sketches = random_.randbytes(rows * VALUES)
    table = SketchTable()
    for start in range(0, rows, 7_001):
        end = min(start + 7_001, rows)
        table.make_room(end)
        table.put(start, sketches[start * VALUES : end * VALUES])
    table.put(17, bytes(VALUES))
    expected = np.frombuffer(sketches, np.uint8).reshape(-1, VALUES).copy()
    expected[17] = 0

    assert (table.at(np, np.arange(rows)) == expected).all()
    values = expected[:, 8:12].copy().view("<u4").ravel()
    assert (np.concatenate(table.bands(np, 8))[:rows] == values).all()
    table.clear()
    assert list(similar_pairs(table)) == []

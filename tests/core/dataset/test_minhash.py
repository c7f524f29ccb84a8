"""Near duplicates: what is nearly the same is found, what is not is not, whatever stands around it."""

import itertools
import json
import random
import re

from shared.core.dataset.rows.minhash import ROW_END, VALUES, MinHasher, similar_pairs

VOCABULARY = [f"word{i}" for i in range(20_000)]


def signatures_of(texts: list[str], hasher: MinHasher | None = None) -> bytes:
    rows = [json.dumps(text, ensure_ascii=False).encode() + ROW_END for text in texts]
    return (hasher or MinHasher()).signatures(b"".join(rows), list(itertools.accumulate(map(len, rows))))


def pairs_of(texts: list[str]) -> set[tuple[int, int]]:
    return {(a, b) for a, b, _ in similar_pairs(signatures_of(texts))}


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

    assert MinHasher().signatures(bare + ROW_END, [len(bare + ROW_END)]) == MinHasher().signatures(
        quoted + ROW_END, [len(quoted + ROW_END)]
    )


def test_a_signature_does_not_depend_on_its_neighbours():
    random_ = random.Random(3)
    texts = [" ".join(text_of(random_, n)) for n in (3, 10, 40, 200)]
    together = signatures_of(texts)

    assert [together[i * VALUES : (i + 1) * VALUES] for i in range(4)] == [
        signatures_of([text]) for text in texts
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


def test_rows_of_two_files_are_numbered_through_both():
    words = [text_of(random.Random(seed), 60) for seed in range(4)]
    hasher = MinHasher()
    first = signatures_of([" ".join(words[0]), " ".join(words[1])], hasher)
    other = signatures_of([" ".join(words[2]), " ".join([*words[1], "more"]), " ".join(words[3])], hasher)

    assert [pair[:2] for pair in similar_pairs(first, other)] == [(1, 3)]
    assert (
        list(similar_pairs())
        == list(similar_pairs(b"", b""))
        == list(similar_pairs(bytes(10 * VALUES)))
        == []
    )

"""Token counts are those of tiktoken, whatever the text."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.ranks import o200k
from shared.core.dataset.rows import tokens
from shared.core.dataset.rows.texts import strings_of

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def exact():
    encoding = o200k()
    return lambda texts: [len(encoding.encode_ordinary(text)) for text in texts]


def texts_of(folder: Path) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            try:
                found += [text for _, text in strings_of(json.loads(line))]
            except (ValueError, RecursionError):
                continue
    return [text for text in found if text.isprintable() or text.encode(errors="ignore").decode() == text]


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", [ROOT / "tests" / "corpus", ROOT / "samples", DATA], ids=["corpus", "samples", "public"]
)
def test_counts_are_exact_on_files(exact, folder):
    if not folder.is_dir():
        pytest.skip("the public datasets are not beside the repository (../shared)")
    texts = texts_of(folder)[:20_000]

    assert len(texts) > 100
    assert tokens.count(texts) == exact(texts)


@pytest.mark.skipif(
    not DATA.is_dir(), reason="the list of naughty strings is not beside the repository (../shared)"
)
def test_counts_are_exact_on_naughty_strings(exact):
    texts = json.loads((DATA / "naughty-strings.json").read_bytes())

    assert len(texts) >= 515
    assert tokens.count(texts) == exact(texts)


#: Whether a character that Unicode got later is a letter, each library knows from its own table.
KNOWN = st.characters(exclude_categories=("Cs", "Cn"))


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.text(KNOWN, max_size=40) | st.sampled_from(["<|endoftext|>", "\r\n\t ", "  x", "'LL", "١٢٣"]),
        min_size=1,
        max_size=5,
    )
)
def test_counts_are_exact_on_any_text(exact, texts):
    assert tokens.count(["".join(texts), *texts]) == exact(["".join(texts), *texts])

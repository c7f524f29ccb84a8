"""Known data stays known: what each release knew a dataset by, today's code knows it by too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.datasets import NAME, recorded

pytestmark = pytest.mark.slow

#: Files with rows that later releases judge otherwise than they did, by the service's words: what was refused is taken, or the
#: other way round.  No row that both take has another key.
JUDGED_OTHERWISE = frozenset(
    f"corpus/{name}.jsonl"
    for name in (
        "dpo/special-token-in-output",
        "dpo/tool-result-missing-in-input",
        "dpo/tools-empty",
        "reinforcement/special-token-in-prompt",
        "reinforcement/tools-empty",
        "supervised/call-arguments-nested-string",
        "supervised/call-by-system",
        "supervised/call-by-tool",
        "supervised/call-list-empty",
        "supervised/functions-empty",
        "supervised/name-null",
        "supervised/parallel-with-empty-tools",
        "supervised/rows-separated-by-commas",
        "supervised/special-token-endoftext",
        "supervised/special-token-fim-prefix",
        "supervised/special-token-im-end",
        "supervised/special-token-im-start",
        "supervised/special-tokens-of-a-whole-template",
        "supervised/tool-result-missing",
        "supervised/tool-result-missing-before-the-user",
        "supervised/tool-result-missing-twice",
        "supervised/tool-result-one-of-two-missing",
        "supervised/tools-empty",
        "supervised/weight-null",
        "supervised/weight-null-on-the-only-answer",
    )
)
#: What repairs make of these is another row, since they leave null and empty lists out, and keep tools that stood beside the
#: input or in a message, which they deleted before; as they were dropped they are what they were.
REPAIRED_OTHERWISE = frozenset(
    f"corpus/{name}.jsonl"
    for name in (
        "dpo/tools-beside-input",
        "supervised/call-content-empty-list",
        "supervised/function-call-and-functions-in-a-message",
        "supervised/function-call-and-functions-in-a-user-message-only",
        "supervised/parallel-null",
        "supervised/tools-defined-in-message",
    )
)

RELEASES = sorted(path.parent.name for path in Path(__file__).parent.glob(f"*/{NAME}"))


@pytest.fixture(scope="module")
def today():
    return recorded()


@pytest.mark.thorough
@pytest.mark.parametrize("release", RELEASES)
def test_each_dataset_has_the_keys_and_the_split_that_it_had(release, today):
    golden = json.loads((Path(__file__).parent / release / NAME).read_text("utf-8"))

    assert len(golden) > 700
    missing = golden.keys() - today.keys()
    assert not missing, "a file of the corpus went away: golden files name it"
    changed = {name for name, known in golden.items() if today[name] != known}
    assert changed == JUDGED_OTHERWISE | REPAIRED_OTHERWISE
    for name in JUDGED_OTHERWISE:
        for action in ("reject", "repair"):
            before, now = rows_of(golden[name], action), rows_of(today[name], action)
            assert all(old == new or "0" in (old, new) for old, new in zip(before, now, strict=True)), name
    assert all(today[name]["reject"] == golden[name]["reject"] for name in REPAIRED_OTHERWISE)


def rows_of(known, action: str) -> list[str]:
    """The key of each row, 0 for one that is refused."""
    return (known["reject"] if known[action] == "same" else known[action])["rows"].split()

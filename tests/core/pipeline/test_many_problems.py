"""Pipeline files with thousands of problems: told are the first hundred, and a request does not wait for the others."""

import difflib

import pytest

from shared.core.pipeline import section
from shared.core.pipeline.file import PipelineFileError, parse_pipeline
from shared.core.pipeline.remarks import PROBLEMS_MAX

BASE = "model: gpt-4.1-mini-2025-04-14\n"
WRONG = {
    "keys": BASE + "".join(f"sufix{number}: 1\n" for number in range(3000)),
    "rules": BASE + "dataset: {rules: {" + ", ".join(f"DX{number}: error" for number in range(3000)) + "}}\n",
    "graders": BASE + "evaluation: {graders: [" + "1, " * 3000 + "]}\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_of_thousands_of_problems_the_first_hundred_are_told(monkeypatch, text):
    compared = []
    looked_for = difflib.get_close_matches
    monkeypatch.setattr(
        section.difflib, "get_close_matches", lambda *a, **k: compared.append(a) or looked_for(*a, **k)
    )

    with pytest.raises(PipelineFileError) as raised:
        parse_pipeline(text, name="p")

    lines = raised.value.message.splitlines()
    assert len(raised.value.problems) == PROBLEMS_MAX
    assert [line.partition(" ")[0].count(":") for line in lines[:-1]] == [3] * PROBLEMS_MAX
    assert lines[-1] == "pipelines/p.yaml: and 2900 more problems."
    assert len(compared) <= PROBLEMS_MAX


def test_a_hundred_problems_are_told_as_they_are():
    text = BASE + "".join(f"sufix{number}: 1\n" for number in range(PROBLEMS_MAX))

    with pytest.raises(PipelineFileError) as raised:
        parse_pipeline(text, name="p")

    assert len(raised.value.message.splitlines()) == PROBLEMS_MAX
    assert raised.value.message.count("did you mean suffix?") == PROBLEMS_MAX

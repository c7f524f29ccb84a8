"""`init`: the file fits the dataset, says every key, and passes what the other commands ask of it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from cli.draft import Chosen, model_for, split_for, text_of
from shared.core.models import BEGIN_WITH, model_facts
from shared.core.pipeline.file import parse_pipeline
from shared.core.pipeline.reference import keys_of
from shared.core.spec import MethodType
from tests.core.dataset.rows import many

PUBLIC = Path(__file__).parents[3] / "shared" / "data"
DPO, RFT, SFT = MethodType.DPO, MethodType.REINFORCEMENT, MethodType.SUPERVISED


def asked(number, answer):
    return {
        "messages": [
            {"role": "user", "content": f"Question {number * 7919 % 1000} about subject {number}?"},
            {"role": "assistant", "content": answer},
        ]
    }


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def made(run, file, *options):
    """The spec of the file that is written, and its text."""
    out = file.with_name("made.yaml")
    code, _, err = run("init", file, "--out", out, "--force", *options)
    assert code == 0, err
    code, shown, err = run("validate", file, "--pipeline", out)
    assert code == 0, shown + err
    assert run("pipelines", "check", out)[0] == 0
    return parse_pipeline(out.read_text(), name="made").spec, out.read_text()


@pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public datasets lie beside the repository in ../shared/data"
)
@pytest.mark.parametrize(
    ("folder", "method", "model", "graders"),
    [
        ("sft-gsm8k", SFT, "gpt-4.1-mini-2025-04-14", ["similarity", "exact_match"]),
        ("sft-tools", SFT, "gpt-4.1-mini-2025-04-14", ["tool_call_match"]),
        ("sft-vision-chartqa", SFT, "gpt-4.1-2025-04-14", ["label_match"]),
        ("dpo-orca", DPO, "gpt-4.1-mini-2025-04-14", ["similarity", "exact_match"]),
        ("rft-countdown", RFT, "gpt-5-2025-08-07", []),
    ],
)
@pytest.mark.slow
def test_a_public_dataset_gets_a_file_that_fits(run, tmp_path, folder, method, model, graders):
    for file in (PUBLIC / folder).iterdir():
        shutil.copy(file, tmp_path)
    spec, text = made(run, tmp_path / "training.jsonl")

    assert (spec.method.type, spec.model) == (method, model)
    assert [grader["name"] for grader in spec.evaluation.graders] == graders
    assert spec.method.grader == (
        json.loads((PUBLIC / folder / "grader.json").read_text()) if method is RFT else None
    )
    assert "For training.jsonl:" in text


@pytest.mark.thorough
@pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public datasets lie beside the repository in ../shared/data"
)
@pytest.mark.slow
def test_of_other_public_rows_each_gets_a_file_or_a_reason(run, tmp_path):
    """All of them are small; what is written can be used, and what is not written cannot be trained on."""
    codes = []
    for case in sorted((PUBLIC / "cases").rglob("*.jsonl")):
        file = Path(shutil.copy(case, tmp_path / "training.jsonl"))
        out = tmp_path / "made.yaml"
        code, _, err = run("init", file, "--out", out, "--force")
        codes.append(code)
        if code == 0:
            assert run("pipelines", "check", out)[0] == 0, case
            assert run("validate", file, "--pipeline", out)[0] == 0, case
        else:
            assert " error" in err.removeprefix("error:"), case
            assert run("validate", file, "--repair", tmp_path / "repaired.jsonl")[0] == 1, case
    assert {0, 1} == set(codes)


def test_rows_of_labels_are_compared_as_labels(run, tmp_path):
    file = written(tmp_path / "training.jsonl", [asked(n, ("yes", "no")[n % 2]) for n in range(60)])
    spec, text = made(run, file)

    assert [grader["type"] for grader in spec.evaluation.graders] == ["label_match"]
    assert "one of 2 labels" in text
    assert spec.dataset.evaluation.share == 0.3


def test_json_is_compared_by_value(run, tmp_path):
    file = written(tmp_path / "training.jsonl", [asked(n, json.dumps({"a": n, "b": [n]})) for n in range(60)])

    assert [grader["type"] for grader in made(run, file)[0].evaluation.graders] == ["json_match"]


def test_preferences_are_tuned_by_dpo(run, tmp_path):
    rows = [
        {
            "input": {"messages": asked(n, "")["messages"][:1]},
            "preferred_output": [{"role": "assistant", "content": f"A friendly answer {n}."}],
            "non_preferred_output": [{"role": "assistant", "content": f"No {n}!"}],
        }
        for n in range(40)
    ]
    spec, _ = made(run, written(tmp_path / "training.jsonl", rows))

    assert (spec.method.type, spec.model) == (DPO, "gpt-4.1-mini-2025-04-14")


def test_a_grader_that_nobody_gave_is_a_guess_and_says_so(run, tmp_path):
    rows = [{"messages": asked(n, "")["messages"][:1], "topic": "t", "answer": f"{n}"} for n in range(40)]
    file = written(tmp_path / "training.jsonl", rows)
    spec, text = made(run, file)

    assert (spec.method.type, spec.method.grader["reference"]) == (RFT, "{{item.answer}}")
    assert "A guess" in text
    grader = written(tmp_path / "mine.json", [{**spec.method.grader, "operation": "like"}])
    form = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}}}
    given = ("--grader", grader, "--response-format", written(tmp_path / "form.json", [form]))
    spec, _ = made(run, file, *given)
    assert spec.method.grader["operation"] == "like"
    assert spec.method.response_format == form
    for wrong in ("[1]", "{", "\udcff"):
        grader.write_bytes(wrong.encode("utf-8", "surrogateescape"))
        assert run("init", file, "--grader", grader)[0] == 2
    grader.write_text('{"type": "string_check"}')
    code, _, err = run("init", file, "--grader", grader)
    assert code == 2
    assert "no file can be written" in err


def test_no_name_of_a_field_gets_out_of_its_comment(run, tmp_path):
    odd = "x\u2028model: evil\x85model: evil\nmodel: evil\u202e"
    rows = [{"messages": asked(n, "")["messages"][:1], odd: "1", "known": "2"} for n in range(40)]
    spec, text = made(run, written(tmp_path / "training.jsonl", rows))

    assert (spec.model, spec.method.grader["reference"]) == ("gpt-5-2025-08-07", "{{item.known}}")
    grader = spec.method.grader | {"reference": "{{item.known}}\u202e\u2028"}
    out = run("init", tmp_path / "training.jsonl", "--grader", written(tmp_path / "g.json", [grader]))[1]
    assert "\u202e" not in text + out
    assert parse_pipeline(out, name="x").spec.method.grader == grader


def test_companions_take_the_place_of_splits(run, tmp_path):
    file = written(tmp_path / "training.jsonl", [asked(n, f"Answer {n}") for n in range(40)])
    written(tmp_path / "validation.jsonl", [asked(n, f"Answer {n}") for n in range(100, 110)])
    written(tmp_path / "evaluation.jsonl", [asked(n, f"Answer {n}") for n in range(200, 220)])
    _, text = made(run, file)

    assert not re.search(r"^ +split:", text, re.MULTILINE)


def test_rows_that_only_a_repair_helps_are_repaired_in_the_file(run, tmp_path):
    rows = [asked(n, f"Answer {n}") for n in range(40)]
    rows[3]["messages"][0]["role"] = "human"
    file = written(tmp_path / "training.jsonl", rows)
    assert run("validate", file)[0] == 1
    spec, text = made(run, file)

    assert set(spec.dataset.actions.values()) == {"repair"}
    assert "Without these repairs" in text


def test_what_cannot_be_trained_on_gets_no_file(run, tmp_path):
    file = tmp_path / "training.jsonl"
    file.write_text("{\n" * 30)
    out = tmp_path / "made.yaml"
    code, _, err = run("init", file, "--out", out)

    assert (code, out.exists()) == (1, False)
    assert f"validate {file}" in err
    assert run("init", tmp_path / "nothing.jsonl")[0] == 2


def test_ten_rows_get_a_file_without_a_comparison(run, tmp_path):
    file = written(tmp_path / "training.jsonl", [asked(n, f"Answer {n}") for n in range(10)])

    assert made(run, file)[0].evaluation.graders == ()


def test_a_file_that_is_there_is_kept(run, file):
    out = file.with_name("kept.yaml")
    out.write_text("mine")

    assert run("init", file, "--out", out)[0] == 2
    assert out.read_text() == "mine"


def test_it_is_printed_without_a_name_for_it(run, file):
    code, out, err = run("init", file)

    assert (code, err) == (0, "")
    assert parse_pipeline(out, name="x").spec.model == "gpt-4.1-mini-2025-04-14"


def test_a_model_that_is_named_is_taken_and_what_is_odd_is_said(run, file):
    code, out, err = run("init", file, "--model", "some-model-1")

    assert code == 0
    assert "model: some-model-1" in out
    assert "nothing is known about fine-tuning some-model-1" in err
    assert run("init", file, "--model", "Qwen3.6-35B-A3B")[0] == 2
    file.write_bytes(many(30))
    assert run("init", file, "--model", "x: {y")[0] in {0, 2}


# --- the text


@pytest.mark.parametrize("method", MethodType)
def test_every_key_is_there_with_its_meaning_and_each_default_can_be_written(method):
    chosen = {
        "model": Chosen("gpt-4.1-2025-04-14"),
        "method.type": Chosen(method.value),
        f"method.{method}.hyperparameters": Chosen({"n_epochs": "auto"}),
    }
    text = text_of(chosen, method, ())
    lines = [line.strip() for line in text.splitlines()]
    for key in keys_of():
        name = key.path.rpartition(".")[2]
        if key.path == "evaluation.promote.min_gain" or (
            key.path.startswith("method.reinforcement") and method is not RFT
        ):
            continue
        at = next(n for n, line in enumerate(lines) if re.match(rf"#?{name}:", line))
        assert lines[at - 1].startswith("# "), key
    if method is not RFT:  # whose grader has no default
        spec = parse_pipeline(text, name="x").spec
        block = f"{{type: {method}, {method}: {{hyperparameters: {{n_epochs: auto}}}}}}"
        least = parse_pipeline(f"model: gpt-4.1-2025-04-14\nmethod: {block}\n", name="x").spec
        assert spec == least
        literal = re.sub(r"^( *)#(\w+: \S)", r"\1\2", text, flags=re.MULTILINE)
        assert literal != text
        assert parse_pipeline(literal, name="x").spec == least


@pytest.mark.parametrize(
    "value", ["yes", "no", "1", "a: b", "#x", "ü", "", " x", "null", "{{item.a}}", "a\nb", '"', "\\"]
)
def test_a_text_stays_the_text_that_it_is(value):
    text = text_of(
        {
            "model": Chosen("m"),
            "method.type": Chosen("supervised"),
            "method.supervised.hyperparameters": Chosen({"n_epochs": "auto"}),
            "description": Chosen(value),
            "metadata": Chosen({value: value}),
        },
        SFT,
        (),
    )
    spec = parse_pipeline(text, name="x").spec if value.strip() else None

    assert spec is None or spec.metadata == {value: value}


def test_models_to_begin_with_are_known_can_be_tuned_and_served():
    for model, remark in BEGIN_WITH.items():
        facts = model_facts(model)
        assert facts.deployment_skus
        assert facts.is_open or re.search(r"-\d{4}-\d{2}-\d{2}$", model)
        assert remark.endswith(".")
    for method in MethodType:
        assert model_for(method, has_images=False, longest=1)
    assert model_for(SFT, has_images=True, longest=1) == "gpt-4.1-2025-04-14"
    assert model_for(RFT, has_images=True, longest=1) is None
    assert model_for(SFT, has_images=False, longest=10**6) is None


@pytest.mark.parametrize(
    ("rows", "share"),
    [(0, 0.3), (10, 0.3), (334, 0.3), (500, 0.2), (700, 0.15), (1000, 0.1), (10**6, 0.1)],
)
def test_about_a_hundred_are_held_out_and_a_tenth_at_least(rows, share):
    assert split_for(rows) == share


def test_of_a_folder_its_training_file_is_taken(run, tmp_path):
    folder, out = tmp_path / "set", tmp_path / "made.yaml"
    folder.mkdir()
    (folder / "training.jsonl").write_bytes(many(60))
    (folder / "validation.jsonl").write_bytes(many(3))
    code, shown, _ = run("init", folder, "--out", out)

    assert code == 0
    assert f"validate {folder / 'training.jsonl'} --pipeline {out}" in shown
    (folder / "other.jsonl").write_bytes(many(60))
    code, _, err = run("init", folder, "--out", out, "--force")
    assert (code, "other.jsonl, training.jsonl" in err) == (2, True)
    (tmp_path / "empty").mkdir()
    assert run("init", tmp_path / "empty")[0] == 2


def test_a_name_that_no_pipeline_may_have_is_refused_at_once(run, file, tmp_path):
    code, _, err = run("init", file, "--out", tmp_path / "My pipe.yaml")

    assert code == 2
    assert "My pipe is not the name of a pipeline" in err
    assert f"--out {tmp_path}/my-pipe.yaml" in err
    assert not (tmp_path / "My pipe.yaml").exists()


def test_programs_get_the_file_and_its_text(run, file, tmp_path):
    out = tmp_path / "made.yaml"
    found = json.loads(run("init", file, "--out", out, "--json")[1])

    assert (found["file"], found["text"]) == (str(out), out.read_text())
    assert found["remarks"][0].startswith("For training.jsonl: 30 rows")
    assert json.loads(run("init", file, "--json")[1])["file"] is None

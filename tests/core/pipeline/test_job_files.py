"""Job files and graders that others published: each is read, or refused where the service would refuse it.

Typed again with what decides how they are read; each has its address, with the commit at which it was read.
"""

import pytest
import yaml

from shared.core.pipeline.file import PipelineFileError, parse_pipeline

AZD = ("epochs", "batch_size", "learning_rate_multiplier")
SAMPLES = "https://github.com/azure-ai-foundry/foundry-samples/blob"
FOUNDRY = "https://github.com/microsoft-foundry/foundry-samples/blob"
TUNING = "https://github.com/microsoft-foundry/fine-tuning/blob"
DOCS = "https://github.com/MicrosoftDocs/azure-ai-docs/blob/15c1cdd/articles/ai-services/openai/how-to/reinforcement-fine-tuning.md"
RFT = {
    "epochs": 3,
    "batch_size": 8,
    "learning_rate_multiplier": 1.0,
    "beta": 0.5,
    "compute_multiplier": 1.0,
    "reasoning_effort": "high",
}
TEXT, ANSWER = "{{sample.output_text}}", "{{item.reference_answer}}"
EXACT = {"type": "string_check", "name": "exact", "operation": "eq", "input": TEXT, "reference": ANSWER}
FUZZY = {
    "type": "text_similarity",
    "name": "fuzzy",
    "evaluation_metric": "fuzzy_match",
    "input": TEXT,
    "reference": ANSWER,
}
JUDGE = {
    "type": "score_model",
    "name": "j",
    "model": "o3",
    "input": [{"role": "user", "content": f"Grade {TEXT}"}],
}


def job(grader=None, *, model="o4-mini-2025-04-16", method="reinforcement", values=RFT, **more):
    block = {"hyperparameters": values} | ({"grader": grader} if grader else {})
    rest = {
        "training_file": "local:data/t.jsonl",
        "validation_file": "local:data/v.jsonl",
        "suffix": "demo",
        "seed": 42,
    }
    return {"name": "demo", "model": model, "method": {"type": method, method: block}, **rest, **more}


def read(tree):
    return parse_pipeline(yaml.safe_dump(tree, sort_keys=False), name="p")


def problems(tree) -> list[str]:
    with pytest.raises(PipelineFileError) as caught:
        read(tree)
    return [f"{problem.path}: {problem.message}. {problem.remedy}" for problem in caught.value.problems]


PUBLISHED = {
    f"{SAMPLES}/d3e8c3d/samples/cli/finetuning/reinforcement/string-check-grader/sample_finetuning_rft.yaml": job(
        {**EXACT, "input": "{{sample.output_json.result}}", "reference": "{{item.target}}"}
    ),
    f"{SAMPLES}/0370ffb/samples/cli/finetuning/reinforcement/text-similarity-grader/sample_finetuning_rft.yaml": job(FUZZY),
    f"{SAMPLES}/78b55a9/samples/cli/finetuning/reinforcement/multi-grader/sample_finetuning_rft.yaml": job(
        {"type": "multi", "name": "credit", "graders": {"exact": EXACT, "fuzzy": FUZZY}, "calculate_output": "0.9 * exact + 0.1 * fuzzy"}
    ),
    f"{SAMPLES}/9b8d91e/samples/cli/finetuning/reinforcement/python-grader/sample_finetuning_rft.yaml": job(
        {"type": "python", "name": "sum", "source": "def grade(sample, item):\n    return 1.0 if {{1}} else 0.0\n"}
    ),
    f"{SAMPLES}/0370ffb/samples/cli/finetuning/reinforcement/score-model-grader/sample_finetuning_rft.yaml": job(
        {"type": "score_model", "name": "judge", "model": "o3-mini", "input": [{"role": "user", "content": "Is it right?"}], "sampling_params": {"seed": 42}}
    ),
    f"{FOUNDRY}/0a34ee7/samples/python/finetuning/reinforcement/sample_finetuning_rft.yaml": job(
        {"type": "string_check", "grader_config": {"criteria": "has the formula", "expected_pattern": "x"}}, suffix="-rl-trained"
    ),
    f"{FOUNDRY}/78faee2/samples/cli/finetuning/supervised/sample_finetuning_oss_supervised.yaml": job(
        model="Ministral-3B", method="supervised", values={"epochs": 4, "prompt_loss_weight": 0.01}, extra_body={"trainingType": "GlobalStandard"}
    ),
    f"{FOUNDRY}/38a318f/samples-cli/finetuning/direct_preference_optimization/sample_finetuning_dpo.yaml": job(
        model="gpt-4.1-2025-04-14", method="dpo", values={"epochs": 4, "batch_size": 8, "beta": 3}
    ),
    f"{FOUNDRY}/38a318f/samples-cli/finetuning/supervised/sample_finetuning_supervised.yaml": job(
        model="gpt-4o-mini", method="supervised", values={"epochs": 4, "prompt_loss_weight": 0.01}
    ),
    "https://github.com/microsoft/aitour27-BRK330-optimize-agents-with-microsoft-foundry-github-copilot": job(
        model="gpt-4.1-mini", method="supervised", values={"epochs": 3}, seed=331, extra_body={"trainingType": "GlobalStandard"}
    ),
    f"{TUNING}/9ddb5e7/Sample_Datasets/Reinforcement_Fine_Tuning/MedMCQ/stringcheck_grader.json": job(
        {**EXACT, "input": ANSWER, "reference": TEXT}
    ),
    f"{TUNING}/4668632/Sample_Datasets/Reinforcement_Fine_Tuning/ClauseMatching/multi_grader.json": job(
        {
            "type": "multi",
            "name": "clause",
            "pass_threshold": 0.65,
            "graders": {
                "text": {**FUZZY, "input": "{{sample.output_json.extracted_text}}", "reference": "{{item.extracted_text}}"},
                "kind": {**EXACT, "input": "{{sample.output_json.clause_type}}", "reference": "{{item.clause_type}}"},
            },
            "calculate_output": "0.5 * text + 0.5 * kind",
        }
    ),
    f"{TUNING}/4668632/Sample_Datasets/Reinforcement_Fine_Tuning/ClauseMatching/model_grader.json": job(
        {"type": "score_model", "name": "judge", "model": "gpt-4o-2024-08-06", "pass_threshold": 0.5, "input": [{"role": "user", "content": '{"clause": {{item.clause_type}}} {{sample.output_json}}'}]}
    ),
    f"{DOCS}#text-similarity": job({**FUZZY, "input": ANSWER, "reference": TEXT, "pass_threshold": 0.8}),
    f"{DOCS}#multi-grader": job(
        {"type": "multi", "name": "m", "graders": {"a": FUZZY, "b": EXACT}, "calculate_output": "min(a, b)", "invalid_grade": 0.0}
    ),
    "https://github.com/Azure/azure-sdk-for-js/blob/8b31845/sdk/ai/ai-projects/samples-dev/finetuning/sample_finetuning_reinforcement_job.ts": job(
        {"type": "score_model", "name": "quality", "model": "o3-mini", "input": [{"role": "user", "content": "Rate it."}], "range": [0.0, 10.0]},
        values={"n_epochs": 1, "batch_size": 4, "eval_interval": 5, "eval_samples": 2, "reasoning_effort": "medium"},
    ),
    "https://developers.openai.com/api/docs/api-reference/graders#multi": job(
        {"type": "multi", "name": "list", "graders": [{**FUZZY, "input": "The graded text", "reference": "The reference"}, EXACT], "calculate_output": "0.5 * fuzzy + 0.5 * exact"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("address", PUBLISHED)
def test_published_job_files_are_read_and_what_is_not_sent_is_noted(address):
    tree = PUBLISHED[address]
    parsed = read(tree)
    given = tree["method"][tree["method"]["type"]]
    sent = parsed.spec.method.hyperparameters
    noted = {note.path.rpartition(".")[2] for note in parsed.notes}

    assert all(key in sent or key in noted or key == "epochs" for key in given["hyperparameters"])
    assert sent["n_epochs"] == given["hyperparameters"].get(
        "epochs", given["hyperparameters"].get("n_epochs")
    )
    assert {"training_file", "validation_file", "name"} <= noted
    assert parsed.spec.method.grader == given.get("grader")
    assert ("grader_config" in noted) == ("grader_config" in given.get("grader", {}))


def test_a_key_of_azd_that_no_method_has_is_noted_where_it_stands():
    parsed = read(
        job(
            model="gpt-4.1",
            method="supervised",
            values={"prompt_loss_weight": 0.1, "beta": 1},
            environment_variables=[{"name": "A"}],
        )
    )
    notes = {note.path: note.message for note in parsed.notes}

    assert "not sent" in notes["method.supervised.hyperparameters.prompt_loss_weight"]
    assert "not sent" in notes["method.supervised.hyperparameters.beta"]
    assert "not sent" in notes["environment_variables"]
    assert parsed.spec.method.hyperparameters.keys() == {"n_epochs", "batch_size", "learning_rate_multiplier"}


@pytest.mark.parametrize(
    ("grader", "words"),
    [
        ({**EXACT, "operation": "equals"}, "Use one of: eq, ne, like, ilike"),
        ({**EXACT, "operation": "contains"}, "Use one of: eq, ne, like, ilike"),
        ({**EXACT, "operation": "neq"}, "did you mean ne?"),
        ({key: value for key, value in EXACT.items() if key != "operation"}, "operation is missing"),
        ({**EXACT, "operation": None}, "operation is missing"),
        ({key: value for key, value in EXACT.items() if key != "input"}, "input is missing"),
        ({**EXACT, "input": "{{item.a}}", "reference": "{{item.b}}"}, "every answer gets the same grade"),
        ({**EXACT, "input": "sample.output_text", "reference": ANSWER}, "every answer gets the same grade"),
        ({**EXACT, "input": "{{sample.output}}"}, "reads nothing"),
        ({**EXACT, "input": "{{output_text}}"}, "reads nothing"),
        ({**FUZZY, "evaluation_metric": "rouge"}, "is not allowed here"),
        ({key: value for key, value in FUZZY.items() if key != "evaluation_metric"}, "evaluation_metric is missing"),
        ({"type": "score_model", "name": "j", "input": [{"role": "user", "content": TEXT}]}, "model is missing"),
        ({"type": "python", "name": "p"}, "source is missing"),
        ({"type": "multi", "name": "m", "graders": {"a": EXACT}}, "calculate_output is missing"),
        ({"type": "multi", "name": "m", "graders": {"a": {**EXACT, "operation": "equals"}}, "calculate_output": "a"}, "Use one of: eq"),
        ({"type": "multi", "name": "m", "graders": [{**EXACT, "operation": "is"}], "calculate_output": "a"}, "Use one of: eq"),
        ({"type": "multi", "name": "m", "graders": {**EXACT, "operation": "is"}, "calculate_output": "a"}, "Use one of: eq"),
        ({"type": "multi", "name": "m", "graders": {"a": {**EXACT, "input": "x"}}, "calculate_output": "a"}, "same grade"),
        ({"type": "endpoint", "name": "e", "url": "https://example.com/grade"}, "not supported yet"),
        ({"name": "x", "input": TEXT, "reference": ANSWER, "operation": "eq"}, "type is missing"),
        ({**EXACT, "type": "string-check"}, "did you mean string_check?"),
        ({**EXACT, "operation": "EQ"}, "Write eq, in lower case"),
        ({**FUZZY, "evaluation_metric": "BLEU"}, "Write bleu, in lower case"),
        ({**EXACT, "reference": 5}, "expected text, found number 5"),
        ({**EXACT, "input": [TEXT]}, "expected text, found a list"),
        ({"type": "score_model", "name": "j", "model": "o3", "input": f"Grade {TEXT}"}, "expected a list, found text"),
        ({"type": "score_model", "name": "j", "model": "o3", "input": []}, "the list is empty"),
        ({**JUDGE, "range": [1]}, "expected two numbers, the smaller one first"),
        ({**JUDGE, "range": [5, 1]}, "expected two numbers, the smaller one first"),
        ({**JUDGE, "range": ["a", "b"]}, "expected two numbers, the smaller one first"),
        ({**JUDGE, "range": "0-1"}, "expected a list"),
        ({**JUDGE, "type": "label_model", "labels": ["a"]}, "passing_labels is missing"),
        ({**JUDGE, "type": "label_model", "labels": ["a"], "passing_labels": ["b"]}, "'b' is not one of labels"),
        ({**JUDGE, "type": "label_model", "labels": "a", "passing_labels": ["a"]}, "expected a list"),
        ({"type": "python", "name": "p", "source": "def grader(sample, item): return 1"}, "no function grade"),
        ({"type": "python", "name": "p", "source": "grader.py"}, "no function grade"),
        ({"type": "python", "name": "p", "source": 1}, "expected text"),
        ({"type": "multi", "name": "m", "graders": {}, "calculate_output": "a"}, "there are no graders"),
        ({"type": "multi", "name": "m", "graders": "a", "calculate_output": "a"}, "expected graders by name, found text"),
        ({"type": "multi", "name": "m", "graders": {"a": "exact"}, "calculate_output": "a"}, "a: expected a grader"),
        ({"type": "multi", "name": "m", "graders": {"a": EXACT}, "calculate_output": "2 * b"}, "'b' is none of the graders"),
        ({"type": "multi", "name": "m", "graders": {"a": {"type": "multi", "name": "a", "graders": {"b": EXACT}, "calculate_output": "b"}}, "calculate_output": "a"}, "none of type multi"),
    ],
)  # fmt: skip
def test_a_grader_that_the_service_would_refuse_is_refused_before_it(grader, words):
    found = problems(job(grader))

    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("block", "tools", [{"name": "search", "server_url": "https://example.com/tools"}]),
        ("block", "max_episode_steps", 10),
        ("hyperparameters", "max_episode_steps", 10),
    ],
)
def test_agentic_reinforcement_is_read_and_refused_as_not_supported_yet(place, key, value):
    """As `Docs/tool-call-endpoint-grader.md` of microsoft-foundry/fine-tuning (cc14b9b) has it."""
    tree = job(EXACT)
    block = tree["method"]["reinforcement"]
    tree["method"]["reinforcement"] = block | ({key: value} if place == "block" else {})
    if place == "hyperparameters":
        tree["method"]["reinforcement"] = block | {"hyperparameters": {**RFT, key: value}}

    (found,) = problems(tree)
    assert "not supported yet" in found
    assert "gated preview" in found


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("trainingType: GlobalStandard", "`extra_body: {trainingType: GlobalStandard}`"),
        ("training_type: Standard", "`extra_body: {trainingType: Standard}`"),
        ("hyperparameters: {n_epochs: 2}", "method.supervised.hyperparameters"),
        ("n_epochs: 2", "`method: {supervised: {hyperparameters: {n_epochs: 2}}}`"),
        ("method: {type: dpo, dpo: {}, beta: 0.1}", "`method: {dpo: {hyperparameters: {beta: 0.1}}}`"),
        ("method: {type: supervised, supervised: {batch_size: 4}}", "`method: {supervised: {hyperparameters: {batch_size: 4}}}`"),
        ("grader: {type: python}", "method.reinforcement.grader"),
        ("supervised: {hyperparameters: {}}", "method.supervised"),
    ],
)  # fmt: skip
def test_a_key_in_the_wrong_place_is_told_where_it_belongs(text, place):
    with pytest.raises(PipelineFileError) as caught:
        parse_pipeline(f"model: gpt-4.1-2025-04-14\n{text}", name="p")
    (problem,) = caught.value.problems

    assert "it belongs to" in problem.message
    assert place in f"{problem.message} {problem.remedy}"


@pytest.mark.parametrize(
    ("method", "key", "meant"),
    [
        ("reinforcement", "reasoning_efort", "reasoning_effort"),
        ("reinforcement", "eval_sample", "eval_samples"),
        ("dpo", "l2_multiplyer", "l2_multiplier"),
        ("supervised", "epoch", "epochs"),
    ],
)
def test_a_misspelt_hyperparameter_is_told_the_known_one_and_all_that_are_known(method, key, meant):
    grader = EXACT if method == "reinforcement" else None
    (found,) = problems(job(grader, model="gpt-4.1", method=method, values={key: 1}))

    assert f"did you mean {meant}?" in found
    assert meant in found.partition("Known keys here: ")[2]
    assert ("beta" in found.partition("Known keys here: ")[2]) == (method == "dpo")


def test_the_form_that_azd_refuses_itself_is_told_where_its_hyperparameters_belong():
    """As a page on azd of microsoft/azure-skills has it: no block below the type, hyperparameters at the top."""
    found = problems(
        {"model": "gpt-4.1-mini", "method": {"type": "supervised"}, "hyperparameters": {"n_epochs": 2}}
    )

    assert any("its block `supervised` is missing" in text for text in found)
    assert any("it belongs to method.supervised.hyperparameters" in text for text in found)


def test_other_keys_of_integrations_and_of_the_extra_body_are_noted_as_not_sent():
    wandb = [{"type": "wandb", "config": {"project": "p", "run_group": "g"}}]
    parsed = read(
        job(
            model="gpt-4.1",
            method="supervised",
            values={},
            integrations=wandb,
            extra_body={"trainingType": "Standard", "priority": "low"},
        )
    )
    noted = {note.path for note in parsed.notes if "not sent" in note.message}

    assert noted == {"integrations[0].config.run_group", "extra_body.priority"}
    assert parsed.spec.integrations == ({"type": "wandb", "wandb": {"project": "p"}},)
    assert (
        "did you mean"
        in problems(
            job(model="gpt-4.1", method="supervised", values={}, extra_body={"trainingtyp": "Standard"})
        )[0]
    )


@pytest.mark.parametrize(
    "grader",
    [
        {**EXACT, "operation": "ilike"},
        {**JUDGE, "range": [0, 10], "sampling_params": {"temperature": 0}},
        {**JUDGE, "type": "label_model", "labels": ["a", "b"], "passing_labels": ["b"]},
        {
            "type": "python",
            "name": "p",
            "source": "import re\n\n\ndef grade(sample: dict, item: dict) -> float:\n    return 1.0\n",
        },
        {
            "type": "multi",
            "name": "m",
            "graders": {"a": EXACT, "b": FUZZY},
            "calculate_output": "max(a, 1e-3 * b) - 0.5",
        },
        {"type": "multi", "name": "m", "graders": [EXACT], "calculate_output": EXACT["name"]},
        {"type": "multi", "name": "m", "graders": EXACT, "calculate_output": "anything"},
    ],
)
def test_a_grader_that_the_service_takes_has_nothing_to_report(grader):
    assert [note.message for note in read(job(grader)).notes if "grader" in note.path] == []


def test_a_grader_without_a_name_is_read_with_a_note():
    grader = {key: value for key, value in EXACT.items() if key != "name"}

    (note,) = [note.message for note in read(job(grader)).notes if "grader" in note.path]
    assert "name is missing" in note


@pytest.mark.parametrize("key", ["tools", "max_episode_steps"])
def test_agentic_keys_at_the_top_are_refused_as_not_supported_yet(key):
    (found,) = problems(job(EXACT) | {key: 3})

    assert "not supported yet" in found


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("{type: supervised, hyperparameters: {n_epochs: 3}}", "method.supervised.hyperparameters"),
        ("{type: supervised, n_epochs: 3}", "method.supervised.hyperparameters.n_epochs"),
        (
            "{type: supervised, supervised: {response_format: {type: text}}}",
            "method.reinforcement.response_format",
        ),
        ("{type: supervised, supervised: {hyperparameters: {grader: {}}}}", "method.reinforcement.grader"),
    ],
)
def test_a_misplaced_key_is_one_problem_that_says_where_it_belongs(method, place):
    with pytest.raises(PipelineFileError) as raised:
        parse_pipeline(f"model: gpt-4.1-2025-04-14\nmethod: {method}\n", name="p")

    (found,) = raised.value.problems
    assert found.message == f"it belongs to {place}"

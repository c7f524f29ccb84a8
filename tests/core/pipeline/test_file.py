"""The pipeline file: what it accepts, what it refuses, and where it says so."""

import math
import textwrap
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.pipeline.file import (
    PipelineFileError,
    line_of,
    parse_pipeline,
)
from shared.core.pipeline.remarks import Remark
from shared.core.spec import Baseline, Budget, DeploymentSize, MethodType, PipelineSpec, PromoteRule

ROOT = Path(__file__).parents[3]
AZD_JOBS = ROOT.parent / "shared" / "data" / "azd-jobs"
MODEL = "model: gpt-4.1-2025-04-14\n"


def spec_of(text: str):
    return parse_pipeline(MODEL + text, name="p").spec


def problems_of(text: str) -> list[str]:
    with pytest.raises(PipelineFileError) as caught:
        parse_pipeline(text, name="p")
    return str(caught.value).splitlines()


def problems_or_none(text: str) -> tuple[Remark, ...] | None:
    try:
        parse_pipeline(text, name="p")
    except PipelineFileError as error:
        return error.problems
    return None


def test_the_model_alone_gives_safe_defaults():
    spec = spec_of("")

    assert spec.method.type is MethodType.SUPERVISED
    assert spec.method.hyperparameters == {
        "n_epochs": "auto",
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
    }
    assert spec.budget == Budget(per_run_usd=50, per_month_usd=500, approve_above_usd=20)
    assert spec.approval.mode == "manual"
    assert not spec.approval.uploader_may_approve
    assert spec.approval.expires_after_s == 7 * 86_400
    assert spec.evaluation.baselines == (Baseline(),)
    assert spec.evaluation.graders == ()  # the held-out rows tell which
    assert spec.evaluation.candidate == DeploymentSize(sku="DeveloperTier", capacity=50)
    assert spec.training_type == "GlobalStandard"
    assert spec.deployment.smoke_test[0].messages[-1]["role"] == "user"


@pytest.mark.parametrize(
    ("model", "sku"), [("gpt-4o-2024-08-06", "GlobalStandard"), ("o4-mini", "DeveloperTier")]
)
def test_the_candidate_uses_the_developer_tier_only_where_the_model_allows_it(model, sku):
    assert parse_pipeline(f"model: {model}", name="p").spec.evaluation.candidate.sku == sku


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "pipelines/p.yaml:1:1: the file is empty"),
        ("# nothing\n", "pipelines/p.yaml:1:1: the file is empty"),
        ("- a", "pipelines/p.yaml:1:1: the file must be a mapping, found a list"),
        ("{}", "pipelines/p.yaml:1:1: model is missing"),
        ("model:", "pipelines/p.yaml:1:7: model: model is empty"),
        ("model: 4.1", "pipelines/p.yaml:1:8: model: expected text, found number 4.1. Quote it: '4.1'"),
        ("model: a\nmodel: b", "pipelines/p.yaml:2:1: key 'model' appears twice, first on line 1"),
        ("model: a\nbudget:\n\tper_run_usd: 1", "pipelines/p.yaml:3:1: a tab"),
        ("model: a\n---\nmodel: b", "pipelines/p.yaml:2:1: a second document starts here"),
        ("model: &m a", "pipelines/p.yaml:1:8: anchor or alias 'm'"),
        ("model: !x a", "pipelines/p.yaml:1:8: tag !x"),
        ("model: [\n", "pipelines/p.yaml:2:1: not valid YAML"),
        ("model: \x07", "pipelines/p.yaml:1:8: not valid YAML: special characters are not allowed"),
        ("model: a\n[a, b]: c", "pipelines/p.yaml:2:1: a key must be text"),
        ("[" * 10_000, "pipelines/p.yaml:1:33: nested more than 32 levels deep"),
        ("a" * 300_000, "pipelines/p.yaml:1:1: the file has 300000 characters"),
        ("model: [" + "1," * 25_000 + "]", "pipelines/p.yaml:1:"),
    ],
)
def test_a_text_that_is_not_a_pipeline_file_is_refused_with_its_place(text, start):
    assert problems_of(text)[0].startswith(start)


def test_an_unknown_key_is_refused_with_its_place_and_the_nearest_known_key():
    text = MODEL + "evaluation:\n  promote:\n    superior_bi: 0.1\n"

    (line,) = problems_of(text)

    assert line.startswith(
        "pipelines/p.yaml:4:5: evaluation.promote.superior_bi: unknown key; did you mean superior_by? "
    )
    assert line.endswith(
        " Known keys here: metric, superior_by, not_worse_by, confidence, max_cost_ratio, max_prompt_ratio, "
        "max_severe_regressions, max_slice_loss, min_gain."
    )


def test_all_problems_come_at_once_in_the_order_of_the_file():
    text = "modle: x\nseed: -1\nsuffix: a.b\nbudget: {per_run_usd: .nan}\napproval: {approvers: yes}\n"

    lines = problems_of(text)

    assert [line.split(":")[1] for line in lines] == ["1", "1", "2", "3", "4", "5"]
    assert "did you mean model?" in "".join(lines[:2])


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("seed: 1.5", "seed", "whole number"),
        ("seed: 2147483648", "seed", "out of range"),
        ("seed: true", "seed", "found `true`"),
        ("suffix: a.b", "suffix", "cannot be deployed"),
        ("suffix: " + "a" * 41, "suffix", "1 to 40"),
        ("budget: {per_run_usd: -1}", "budget.per_run_usd", "out of range"),
        ("budget: {per_run_usd: .inf}", "budget.per_run_usd", "not a finite number"),
        ("budget: 3", "budget", "expected a mapping"),
        ("approval: {expires_after: P1M}", "approval.expires_after", "is not a duration"),
        ("approval: {expires_after: PT}", "approval.expires_after", "is not a duration"),
        ("approval: {expires_after: P1DT}", "approval.expires_after", "is not a duration"),
        ("approval: {expires_after: PT0S}", "approval.expires_after", "allowed are 1"),
        ("approval: {uploader_may_approve: yes}", "approval.uploader_may_approve", "yes and on are text"),
        ("approval: {mode: manul}", "approval.mode", "did you mean manual?"),
        ("dataset: {on_issue: mend}", "dataset.on_issue", "not allowed here"),
        ("dataset: {on_issue: {DS07: repair}}", "dataset.on_issue.DS07", "Did you mean DS0"),
        ("dataset: {on_issue: {DS011: repair}}", "dataset.on_issue.DS011", "no safe repair"),
        ("dataset: {on_issue: {DS007: quarantine}}", "dataset.on_issue.DS007", "not about single rows"),
        ("dataset: {rules: {DS011: warning}}", "dataset.rules.DS011", "cannot be lowered"),
        ("dataset: {rules: {DS048: fatal}}", "dataset.rules.DS048", "not allowed here"),
        ("dataset: {rule_set: lax}", "dataset.rule_set", "not allowed here"),
        ("dataset: {quarantine_max_share: 2}", "dataset.quarantine_max_share", "out of range"),
        ("dataset: {validation: sometimes}", "dataset.validation", "Write `required`"),
        ("dataset: {evaluation: {split: 0.6}}", "dataset.evaluation.split", "out of range"),
        ("notify: []", "notify", "not available yet"),
        ("extra_body: {trainingType: Fast}", "extra_body.trainingType", "Use one of"),
        ("deployment: {capacity: 0}", "deployment.capacity", "out of range"),
        ("deployment: {smoke_test: []}", "deployment.smoke_test", "a broken deployment would pass"),
        ("deployment: {smoke_test: [{messages: []}]}", "deployment.smoke_test[0].messages", "needs messages"),
        (
            "deployment: {smoke_test: [{messages: [{role: user, content: hi}], expect: '/(/'}]}",
            "deployment.smoke_test[0].expect",
            "not a regular expression",
        ),
        (
            "deployment: {smoke_test: [{messages: [{role: user, content: hi}], expect: '/a{99999999999}/'}]}",
            "deployment.smoke_test[0].expect",
            "the repetition number is too large",
        ),
        (
            "deployment: {smoke_test: [{messages: [{role: user, content: hi}], expect: '/^(?=.*a)b/'}]}",
            "deployment.smoke_test[0].expect",
            "cannot be run in bounded time",
        ),
        (
            f"deployment: {{smoke_test: [{', '.join(['{messages: [{role: user, content: hi}]}'] * 101)}]}}",
            "deployment.smoke_test",
            "101 questions, at most 100",
        ),
        (
            "deployment: {smoke_test: [{messages: [{role: assistant, content: hi}]}]}",
            "deployment.smoke_test[0].messages",
            "End with a message from the user",
        ),
        (
            "evaluation: {baselines: [gpt-4.1]}",
            "evaluation.baselines[0]",
            "Did you mean {deployment: gpt-4.1}?",
        ),
        ("evaluation: {baselines: [{few_shot: 3}]}", "evaluation.baselines[0].few_shot", "not available yet"),
        ("evaluation: {baselines: [champion, champion]}", "evaluation.baselines", "appears twice"),
        (
            "evaluation: {baselines: [{deployment: a, system_prompt: ../x}]}",
            "evaluation.baselines[0].system_prompt",
            "not a plain relative path",
        ),
        ("evaluation: {graders: []}", "evaluation.graders", "nothing could be compared"),
        (
            "evaluation: {graders: [{type: score_model}]}",
            "evaluation.graders[0].type",
            "not available in evaluation yet",
        ),
        (
            "evaluation: {graders: [{type: string_chek}]}",
            "evaluation.graders[0].type",
            "did you mean string_check?",
        ),
        ("evaluation: {graders: [{name: a}]}", "evaluation.graders[0]", "type is missing"),
        (
            "evaluation: {graders: [{type: text_similarity, name: a, input: x, reference: y, evaluation_metric: cosine}]}",
            "evaluation.graders[0].evaluation_metric",
            "not available in evaluation yet",
        ),
        (
            "evaluation: {promote: {metric: nope}}",
            "evaluation.promote.metric",
            "Name graders in `evaluation.graders`",
        ),
        ("evaluation: {promote: {confidence: 1}}", "evaluation.promote.confidence", "out of range"),
        ("evaluation: {promote: {superior_by: -0.1}}", "evaluation.promote.superior_by", "out of range"),
        ("evaluation: {promote: {superior_by: 1.1}}", "evaluation.promote.superior_by", "out of range"),
        (
            "evaluation: {promote: {max_prompt_ratio: 0}}",
            "evaluation.promote.max_prompt_ratio",
            "out of range",
        ),
        *(
            (
                f"evaluation: {{promote: {{max_severe_regressions: {share}}}}}",
                "evaluation.promote.max_severe_regressions",
                "out of range",
            )
            for share in (0, 1.1)
        ),
        (
            "evaluation: {promote: {not_worse_by: -0.1, max_cost_ratio: 1}}",
            "evaluation.promote.not_worse_by",
            "out of range",
        ),
        (
            "evaluation: {promote: {not_worse_by: 0.02}}",
            "evaluation.promote.not_worse_by",
            "Add max_cost_ratio or max_prompt_ratio, such as",
        ),
        (
            "evaluation: {promote: {not_worse_by: 0.02, max_prompt_ratio: null}}",
            "evaluation.promote.not_worse_by",
            "nothing says what must be saved",
        ),
        *(
            (
                f"evaluation: {{promote: {{{first}: 0, {second}: 0, max_cost_ratio: 1}}}}",
                f"evaluation.promote.{second}",
                f"{first} and {second} both say",
            )
            for first, second in (
                ("superior_by", "not_worse_by"),
                ("superior_by", "min_gain"),
                ("not_worse_by", "min_gain"),
            )
        ),
        ("integrations: [{type: wandb}]", "integrations[0].config", "project is missing"),
        ("metadata: {a: [1]}", "metadata.a", "expected text"),
        ("metadata: {" + ", ".join(f"k{i}: v" for i in range(17)) + "}", "metadata", "at most 16"),
        ("method: {type: supervised}", "method", "its block `supervised` is missing"),
        ("method: {supervised: {}}", "method", "type is missing"),
        ("method: {type: supervised, supervised: {}, dpo: {}}", "method.dpo", "belongs to another method"),
        ("method: {type: reinforcement, reinforcement: {}}", "method.reinforcement", "grader is missing"),
        (
            "method: {type: reinforcement, reinforcement: {grader: [1]}}",
            "method.reinforcement.grader",
            "expected a mapping, found a list",
        ),
        (
            "method: {type: reinforcement, reinforcement: {grader: {a: [1, .nan]}}}",
            "method.reinforcement.grader.a[1]",
            ".nan is not a number",
        ),
        ("seed: {a: 1}", "seed", "found a mapping"),
        ("metadata: {a: " + "v" * 513 + "}", "metadata.a", "too long"),
        ("integrations: [{wandb: {project: p}}]", "integrations[0]", "type is missing"),
        ("dataset: {validation: wanted}", "dataset.validation", "text 'wanted' is not allowed here"),
        (
            "evaluation: {baselines: [{deployment: d, system_prompt: " + "a" * 8193 + "}]}",
            "evaluation.baselines[0].system_prompt",
            "at most 8192",
        ),
        ("evaluation: {baselines: d}", "evaluation.baselines", "expected a list"),
        ("deployment: {smoke_test: [3]}", "deployment.smoke_test[0]", "expected a mapping"),
        ("dataset: {rules: {DS999: warning}}", "dataset.rules.DS999", "there is no such rule"),
        (
            "evaluation: {graders: ["
            + ", ".join(
                [
                    "{type: string_check, name: a, input: '{{sample.output_text}}', reference: r, operation: eq}"
                ]
                * 2
            )
            + "]}",
            "evaluation.graders",
            "two graders are called 'a'",
        ),
        (
            "evaluation: {graders: [{type: string_check, name: a, reference: r, operation: eq}]}",
            "evaluation.graders[0]",
            "input is missing",
        ),
        (
            "evaluation: {baselines: [" + ", ".join(f"{{deployment: d{n}}}" for n in range(9)) + "]}",
            "evaluation.baselines",
            "at most 8",
        ),
        (
            "evaluation: {baselines: [{system_prompt: a.txt}]}",
            "evaluation.baselines[0]",
            "deployment is missing",
        ),
        (
            "evaluation: {graders: [{type: string_check, name: a, input: '{{sample.x}}', reference: r, operation: eq}]}",
            "evaluation.graders[0].input",
            "{{sample.x}}",
        ),
        ("evaluation: {graders: [{type: , name: a}]}", "evaluation.graders[0]", "type is missing"),
        ("evaluation: {baselines: [{deployment: }]}", "evaluation.baselines[0]", "deployment is missing"),
        (
            "deployment: {smoke_test: [{messages: [{role: user, content: }]}]}",
            "deployment.smoke_test[0].messages[0]",
            "content is missing",
        ),
        (
            "deployment: {smoke_test: [{messages: [{role: user}]}]}",
            "deployment.smoke_test[0].messages[0]",
            "content is missing",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_path_and_reason(text, path, words):
    lines = problems_of(MODEL + text)

    assert len(lines) == 1, lines
    assert f": {path}: " in lines[0]
    assert words in lines[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_epochs", "0"),
        ("n_epochs", "51"),
        ("epochs", "2.5"),
        ("batch_size", "0"),
        ("batch_size", "automatic"),
        ("learning_rate_multiplier", "0"),
        ("learning_rate_multiplier", ".nan"),
        ("learning_rate_multiplier", "1e999"),
        ("learning_rate_multiplier", "1_0"),
        ("l2_multiplier", "0.1"),
    ],
)
def test_a_hyperparameter_out_of_range_or_of_another_method_is_refused(name, value):
    text = MODEL + f"method: {{type: supervised, supervised: {{hyperparameters: {{{name}: {value}}}}}}}"

    assert f"method.supervised.hyperparameters.{name}: " in problems_of(text)[0]


def test_epochs_and_n_epochs_together_are_refused():
    text = MODEL + "method: {type: supervised, supervised: {hyperparameters: {epochs: 1, n_epochs: 1}}}"

    assert "the same thing" in problems_of(text)[0]


@pytest.mark.parametrize("value", ["", "auto"])
def test_a_hyperparameter_without_a_value_is_automatic(value):
    text = f"method: {{type: supervised, supervised: {{hyperparameters: {{n_epochs: {value}}}}}}}"

    assert spec_of(text).method.hyperparameters["n_epochs"] == "auto"


def test_words_that_older_yaml_reads_as_booleans_are_text():
    assert spec_of("suffix: on\nmetadata: {a: yes, b: off, c: 1.0, d: 2020-01-01}").metadata == {
        "a": "yes",
        "b": "off",
        "c": "1.0",
        "d": "2020-01-01",
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("P7D", 604_800), ("PT4H", 14_400), ("P1DT12H", 129_600), ("P2W", 1_209_600), ("pt90s", 90)],
)
def test_durations_are_read_as_seconds(text, seconds):
    assert spec_of(f"approval: {{expires_after: {text}}}").approval.expires_after_s == seconds


def test_null_lifts_a_budget():
    assert spec_of("budget: {per_run_usd: null}").budget.per_run_usd is None


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("globalstandard", "GlobalStandard"),
        ("developerTier", "DeveloperTier"),
        ("Developer", "DeveloperTier"),
    ],
)
def test_training_types_are_normalised(text, want):
    assert spec_of(f"extra_body: {{trainingType: {text}}}").training_type == want


@pytest.mark.parametrize(
    "text",
    [
        "integrations: [{type: wandb, config: {project: x, tags: [a]}}]",
        "integrations: [{type: wandb, wandb: {project: x, tags: [a]}}]",
        "integrations: {wandb: {project: x, tags: [a]}}",
    ],
)
def test_integrations_of_every_form_become_the_same(text):
    assert spec_of(text).integrations == ({"type": "wandb", "wandb": {"project": "x", "tags": ["a"]}},)


def test_a_model_that_is_not_documented_for_the_method_is_a_note():
    parsed = parse_pipeline("model: gpt-4o-mini\nmethod: {type: dpo, dpo: {}}", name="p")

    assert [note.path for note in parsed.notes] == ["model"]
    assert [line.partition(" ")[0] for line in parsed.render_notes("some/p.yaml")] == ["some/p.yaml:1:8:"]


def test_an_empty_block_means_the_defaults():
    assert spec_of("budget:") == spec_of("")


def test_a_validation_file_may_be_required():
    assert spec_of("dataset: {validation: required}").dataset.validation.required


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("evaluation: {candidate: {capacity: 10}}", "evaluation.candidate", "one request per minute"),
        ("deployment: {sku: DeveloperTier}", "deployment.sku", "deleted after 24 hours"),
        ("training_file: local:./a.jsonl", "training_file", "the dropped dataset decides"),
        ("validation_file: local:./b.jsonl", "validation_file", "the dropped dataset decides"),
        ("name: other", "name", "the pipeline is called p, after its file"),
    ],
)
def test_what_is_allowed_and_unwise_is_a_note(text, path, words):
    (note,) = parse_pipeline(MODEL + text, name="p").notes

    assert note.path == path
    assert words in note.message


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("", 0),
        ("superior_by: null", 0),
        ("superior_by: 0.05", 0.05),
        ("superior_by: 1", 1),
        ("not_worse_by: 0.02, max_cost_ratio: 0.5", -0.02),
        ("not_worse_by: 0.02, max_prompt_ratio: 0.1", -0.02),
        ("not_worse_by: 0, max_prompt_ratio: 0.1", 0),
        ("min_gain: 0.05", 0.05),
        ("min_gain: 0", 0),
        ("min_gain: -0.1", 0),
        ("superior_by: null, min_gain: 0.05", 0.05),
    ],
)
def test_one_value_says_what_the_lower_bound_is_held_against(rule, line):
    found = spec_of(f"evaluation: {{promote: {{{rule}}}}}").evaluation.promote.line

    assert (found, math.copysign(1, found)) == (line, -1 if line < 0 else 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.05", "now means `superior_by`: the lower bound of the gain is compared with it"),
        ("0.05", "stricter than documented before 0.3.0. Write `superior_by: 0.05` instead."),
        ("0", "Write `superior_by: 0` instead."),
        ("-0.1", "-0.1 counts as 0"),
        ("-0.1", "write `not_worse_by` and max_cost_ratio or max_prompt_ratio."),
    ],
)
def test_min_gain_is_taken_with_a_note_at_its_place(value, words):
    parsed = parse_pipeline(f"{MODEL}evaluation:\n  promote:\n    min_gain: {value}\n", name="p")
    (note,) = parsed.render_notes("p.yaml")

    assert note.startswith("p.yaml:4:15: evaluation.promote.min_gain: ")
    assert words in note
    assert parsed.spec.evaluation.promote.min_gain == float(value)


@pytest.mark.parametrize(
    "rule", ["superior_by: 0.05", "not_worse_by: 0.05, max_cost_ratio: 1", "min_gain: null"]
)
def test_a_rule_without_min_gain_has_no_note(rule):
    assert parse_pipeline(f"{MODEL}evaluation: {{promote: {{{rule}}}}}", name="p").notes == ()


@pytest.mark.parametrize(("min_gain", "line"), [(0.1, 0.1), (0.0, 0.0), (-0.1, 0.0)])
def test_a_rule_that_0_1_0_or_0_2_0_pinned_asks_for_its_min_gain(min_gain, line):
    stored = {"metric": "exact", "min_gain": min_gain, "confidence": 0.9, "max_cost_ratio": None}
    rule = msgspec.json.decode(msgspec.json.encode(stored), type=PromoteRule)

    assert (rule.min_gain, rule.line) == (min_gain, line)
    assert (rule.superior_by, rule.not_worse_by) == (None, None)
    assert (rule.max_prompt_ratio, rule.max_severe_regressions) == (None, None)


REINFORCED = "method: {type: reinforcement, reinforcement: {grader: {type: python, name: g, source: 'def grade(s, i): 1'}}}\n"


@pytest.mark.parametrize(
    ("model", "where", "sku", "known"),
    [
        ("gpt-oss-20b-11", "evaluation.candidate", "DeveloperTier", "GlobalStandard"),
        ("gpt-oss-20b", "deployment", "Standard", "GlobalStandard"),
        ("gpt-4o-2024-08-06", "evaluation.candidate", "DeveloperTier", "GlobalStandard"),
        ("gpt-4o-2024-08-06", "deployment", "DeveloperTier", "GlobalStandard"),
        ("gpt-5-2025-08-07", "evaluation.candidate", "GlobalStandard", "Standard"),
        ("gpt-5-2025-08-07", "deployment", "GlobalStandard", "Standard"),
        ("MAI-Code-1.1-Flash", "deployment", "DataZoneStandard", "GlobalStandard"),
    ],
)
def test_a_sku_that_is_documented_as_impossible_is_refused_with_its_place_and_way_out(
    model, where, sku, known
):
    """The training would be paid, and then there is nothing to deploy."""
    block = f"{{candidate: {{sku: {sku}}}}}" if where != "deployment" else f"{{sku: {sku}}}"
    with pytest.raises(PipelineFileError) as refused:
        parse_pipeline(f"model: {model}\n{REINFORCED}{where.split('.')[0]}: {block}\n", name="p")

    (problem,) = refused.value.problems
    assert problem.path == f"{where}.sku"
    assert sku in problem.message
    assert f"`sku: {known}`" in problem.remedy


@pytest.mark.parametrize("model", ["gpt-oss-120b", "Qwen3.6-35B-A3B", "Qwen3.8-27B", "Muse-Glimmer-30B"])
def test_a_model_that_can_be_tuned_and_not_deployed_is_refused(model):
    with pytest.raises(PipelineFileError) as refused:
        parse_pipeline(f"model: {model}\n", name="p")

    (problem,) = refused.value.problems
    assert (problem.line, problem.path) == (1, "model")
    assert "no serverless deployment" in problem.message
    assert "gpt-oss-20b" in problem.remedy


@pytest.mark.parametrize(
    ("model", "candidate", "production"),
    [
        ("gpt-4.1-2025-04-14", "DeveloperTier", "GlobalStandard"),
        ("gpt-4o-2024-08-06", "GlobalStandard", "GlobalStandard"),
        ("gpt-5-2025-08-07", "Standard", "Standard"),
        ("gpt-5-2025-08-07.ft-0a1b", "Standard", "Standard"),
        ("Qwen3-32B", "GlobalStandard", "GlobalStandard"),
        ("MAI-Code-1.1-Flash", "GlobalStandard", "GlobalStandard"),
        ("a-model-of-tomorrow", "GlobalStandard", "GlobalStandard"),
    ],
)
def test_a_model_is_deployed_by_default_where_it_can_be(model, candidate, production):
    spec = parse_pipeline(f"model: {model}\n{REINFORCED}", name="p").spec

    assert (spec.evaluation.candidate.sku, spec.deployment.sku) == (candidate, production)


@pytest.mark.parametrize("sku", ["Standard", "GlobalStandard", "DeveloperTier", "ProvisionedManaged"])
def test_of_a_model_that_nobody_knows_every_sku_is_taken(sku):
    text = (
        f"model: a-model-of-tomorrow\nevaluation: {{candidate: {{sku: {sku}}}}}\ndeployment: {{sku: {sku}}}\n"
    )
    spec = parse_pipeline(text, name="p").spec

    assert (spec.evaluation.candidate.sku, spec.deployment.sku) == (sku, sku)


def test_a_grader_of_reinforcement_keeps_its_lists():
    text = "model: o4-mini\nmethod: {type: reinforcement, reinforcement: {grader: {type: novel, x: [1, {y: 2}]}}}"

    assert parse_pipeline(text, name="p").spec.method.grader["x"] == [1, {"y": 2}]


def test_the_beta_of_job_files_of_azd_is_not_a_hyperparameter_of_reinforcement():
    block = "{hyperparameters: {beta: 0.5}, grader: {type: python, name: g, source: 'def grade(sample, item): ...'}}"
    parsed = parse_pipeline(
        f"model: o4-mini\nmethod: {{type: reinforcement, reinforcement: {block}}}", name="p"
    )

    assert [note.path for note in parsed.notes] == ["method.reinforcement.hyperparameters.beta"]
    assert "beta" not in parsed.spec.method.hyperparameters


def test_an_unknown_reinforcement_grader_is_a_note_because_foundry_judges_it():
    text = "model: o4-mini\nmethod: {type: reinforcement, reinforcement: {grader: {type: novel, x: 1}}}"

    parsed = parse_pipeline(text, name="p")

    assert parsed.spec.method.grader == {"type": "novel", "x": 1}
    assert [note.path for note in parsed.notes] == ["method.reinforcement.grader.type"]


@pytest.mark.skipif(
    not AZD_JOBS.is_dir(), reason="the public job files are not beside the repository (../shared)"
)
def test_job_files_of_azd_load_or_are_refused_as_their_names_say():
    reasons = {
        "method_type": "method.type",
        "missing_model": "model",
        "suffix_too_long": "suffix",
        "supervised_missing_config": "block",
    }
    for path in sorted(AZD_JOBS.glob("*.yaml")):
        reason = reasons.get(path.stem.removeprefix("invalid_"))
        if reason:
            assert reason in problems_of(path.read_text())[0]
        else:
            parsed = parse_pipeline(path.read_text(), name=path.stem)
            assert any(note.path == "training_file" for note in parsed.notes)


def test_what_a_file_says_survives_json():
    text = (ROOT / "samples" / "pipelines" / "pubmed-summarization.yaml").read_text()
    spec = parse_pipeline(text, name="pubmed-summarization").spec

    assert msgspec.json.decode(msgspec.json.encode(spec), type=PipelineSpec) == spec


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("model:gpt-4.1\n \t{}[],&*!|>'\"#%@-?~\\\x00\ud800é"), max_size=60))
def test_any_text_is_read_or_refused_never_anything_else(text):
    problems = problems_or_none(text)

    assert problems != ()
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems or ())


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(
            ["model", "method", "type", "supervised", "hyperparameters", "n_epochs", "evaluation", "graders", "baselines",
             "promote", "deployment", "smoke_test", "messages", "integrations", "metadata", "dataset", "validation", "notify"]
        ), below, max_size=5),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_tree_is_read_or_refused_never_anything_else(tree):
    assert problems_or_none(msgspec.json.encode(tree).decode()) != ()


def test_rules_and_actions_are_read_for_each_code():
    text = """
    model: gpt-4.1-2025-04-14
    dataset:
      on_issue: {default: quarantine, DS007: repair, DS011: reject}
      quarantine_max_share: 0.1
      rule_set: strict
      rules: {DS046: off, DS048: error}
    """
    dataset = parse_pipeline(textwrap.dedent(text), name="p").spec.dataset

    assert (dataset.default_action, dataset.quarantine_max_share) == ("quarantine", 0.1)
    assert dataset.actions == {"DS007": "repair", "DS011": "reject"}
    assert (dataset.rule_set, dataset.rules) == ("strict", {"DS046": "off", "DS048": "error"})


@pytest.mark.parametrize("name", ["similarity", "exact_match"])
def test_a_metric_of_earlier_releases_without_graders_still_means_their_defaults(name):
    """A file that names one of them worked in 0.1.0 and 0.2.0."""
    evaluation = spec_of(f"evaluation: {{promote: {{metric: {name}}}}}").evaluation

    assert [grader["name"] for grader in evaluation.graders] == ["similarity", "exact_match"]
    assert evaluation.promote.metric == name


def test_a_metric_of_graders_that_are_wrong_is_not_reported_too():
    text = "evaluation: {graders: [{type: score_model}], promote: {metric: mine}}"

    assert len(problems_of(MODEL + text)) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("evaluation.graders[0].name", 4),
        ("evaluation.graders[0].reference", 3),
        ("evaluation.graders[7]", 3),
        ("nowhere.at.all", 1),
    ],
)
def test_the_line_of_a_value_or_of_what_it_belongs_to(path, line):
    text = "model: gpt-4.1\nevaluation:\n  graders: [{type: label_match,\n    name: x}]\n"

    assert line_of(text, path) == line
    assert line_of("{", path) is None

"""How a candidate is judged: `evaluation`."""

from __future__ import annotations

import re
from typing import Any, Final

from shared.core.evaluation.detect import SIMILARITY
from shared.core.models import candidate_sku, deployment_capacity, deployment_obstacle
from shared.core.pipeline.deploying import SKUS
from shared.core.pipeline.graders import read_graders
from shared.core.pipeline.remarks import Remark, Remarks
from shared.core.pipeline.section import Section, number_problem
from shared.core.pipeline.yaml import Node
from shared.core.spec import (
    CONFIDENCE_RANGE,
    MARGIN_RANGE,
    RATIO_MAX,
    Baseline,
    DeploymentSize,
    EvaluationSpec,
    PromoteRule,
)

_DEPLOYMENT_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_BASELINES_MAX: Final = 8
_MUST_PASS_MAX: Final = 1000
#: A set is a file of at most 16 MiB.
_LINES_MAX: Final = 10_000_000
#: Keys of which one says what the lower bound of the gain is held against.
_LINES: Final = ("superior_by", "not_worse_by", "min_gain")
_RATIOS: Final = ("max_cost_ratio", "max_prompt_ratio")


def read_evaluation(root: Section, model: str) -> EvaluationSpec:
    """`evaluation`: baselines, graders, promotion rule and the size of the candidate's deployment."""
    section, default = root.section("evaluation"), EvaluationSpec()
    graders = read_graders(section) or _named_by_metric(section)
    spec = EvaluationSpec(
        baselines=_read_baselines(section, default.baselines),
        graders=graders,
        promote=_read_promote(
            section.section("promote"),
            [grader["name"] for grader in graders],
            has_own=section.has_value("graders"),
        ),
        candidate=_read_candidate(section, model),
        max_completion_tokens=section.integer(
            "max_completion_tokens", default.max_completion_tokens, 1, 32_768
        ),
        set=_read_set(section),
        must_pass=_read_must_pass(section),
    )
    section.finish()
    return spec


def _read_set(section: Section) -> str | None:
    """`set`: where the rows lie that every candidate is measured on."""
    path = section.text("set")
    if path is not None and not (_is_relative_path(path) and path.endswith(".jsonl")):
        remedy = "Give a path below the container `pipelines`, such as sets/triage.jsonl."
        section.problem("set", f"{path!r} is not a plain relative path of a .jsonl file", remedy)
    return path


def _read_must_pass(section: Section) -> tuple[int, ...]:
    """`must_pass`: lines of the set, in ascending order, each once."""
    hint = "Write a list of line numbers, such as [1, 17]."
    lines: set[int] = set()
    for path, node in section.entries("must_pass", hint) or ():
        problem = number_problem(node, 1, _LINES_MAX, whole=True)
        if problem:
            section.remarks.problems.append(Remark.at(node.position, path, *problem))
        else:
            assert isinstance(node.value, int | float)
            lines.add(int(node.value))
    if lines and not section.has_value("set"):
        remedy = "Name the file with `set`, such as `set: sets/triage.jsonl`."
        section.problem("must_pass", "these are lines of evaluation.set, which is missing", remedy)
    if len(lines) > _MUST_PASS_MAX:
        message = f"{len(lines)} lines, at most {_MUST_PASS_MAX} are allowed"
        section.problem("must_pass", message, "Each is asked in every evaluation.")
    return tuple(sorted(lines))


def _named_by_metric(section: Section) -> tuple[dict[str, Any], ...]:
    """The graders of 0.1.0 and 0.2.0, for a file that leaves graders out and names one of these as the metric."""
    promote = section.get("promote")
    below = promote.value if promote is not None and isinstance(promote.value, dict) else {}
    named = below["metric"].value if "metric" in below else None
    return SIMILARITY if any(grader["name"] == named for grader in SIMILARITY) else ()


def _read_candidate(section: Section, model: str) -> DeploymentSize:
    """`candidate`: by default on the developer tier where the model can be deployed on it, which costs nothing by the hour."""
    enough = deployment_capacity(model)
    default = DeploymentSize(sku=candidate_sku(model), capacity=enough)
    below = section.section("candidate")
    size = DeploymentSize(
        sku=below.choice("sku", SKUS, default.sku),
        capacity=below.integer("capacity", default.capacity, 1, 100_000),
    )
    below.finish()
    if (obstacle := deployment_obstacle(model, size.sku)) is not None:
        below.problem("sku", *obstacle)
    if size.capacity < enough:
        message = f"capacity {size.capacity} may answer one request per minute"
        section.note("candidate", message, f"Use {enough} or more.")
    return size


def _read_promote(section: Section, graders: list[str], *, has_own: bool) -> PromoteRule:
    default = PromoteRule()
    metric = section.text("metric", default.metric)
    if metric is not None and metric not in graders and (graders or not has_own):
        remedy = f"Use one of: {', '.join(graders)}." if graders else "Name graders in `evaluation.graders`."
        section.problem("metric", f"no grader is called {metric!r}", remedy)
    rule = PromoteRule(
        metric=metric,
        superior_by=section.number_or_none("superior_by", default.superior_by, *MARGIN_RANGE),
        not_worse_by=section.number_or_none("not_worse_by", default.not_worse_by, *MARGIN_RANGE),
        confidence=section.number("confidence", default.confidence, *CONFIDENCE_RANGE),
        max_cost_ratio=section.number_or_none(
            "max_cost_ratio", default.max_cost_ratio, 0, RATIO_MAX, above=True
        ),
        max_prompt_ratio=section.number_or_none(
            "max_prompt_ratio", default.max_prompt_ratio, 0, RATIO_MAX, above=True
        ),
        max_severe_regressions=section.number_or_none(
            "max_severe_regressions", default.max_severe_regressions, 0, 1, above=True
        ),
        max_slice_loss=section.number_or_none("max_slice_loss", default.max_slice_loss, *MARGIN_RANGE),
        min_gain=section.number("min_gain", default.min_gain, -1, 1),
    )
    _check_line(section, rule)
    section.finish()
    return rule


def _check_line(section: Section, rule: PromoteRule) -> None:
    """One key says what the lower bound is held against, and whoever accepts a loss says what it must save."""
    given = [key for key in _LINES if section.has_value(key)]
    for key in given[1:]:
        message = f"{given[0]} and {key} both say what the lower bound of the gain is held against"
        section.problem(key, message, "Keep one of them.")
    if section.has_value("not_worse_by") and not any(map(section.has_value, _RATIOS)):
        remedy = (
            f"Add {' or '.join(_RATIOS)}, such as `max_prompt_ratio: 0.5`: half the baseline's prompt tokens."
        )
        section.problem("not_worse_by", "nothing says what must be saved in return", remedy)
    if not section.has_value("min_gain"):
        return
    if rule.min_gain < 0:
        message = f"{rule.min_gain:g} counts as 0: the lower bound of the gain must be above 0"
        remedy = f"For a candidate that is as good with fewer tokens write `not_worse_by` and {' or '.join(_RATIOS)}."
    else:
        message = (
            "now means `superior_by`: the lower bound of the gain is compared with it, not the gain itself, "
            "which is stricter than documented before 0.3.0"
        )
        remedy = f"Write `superior_by: {rule.min_gain:g}` instead."
    section.note("min_gain", message, remedy)


def _read_baselines(section: Section, default: tuple[Baseline, ...]) -> tuple[Baseline, ...]:
    items = section.entries("baselines", "Write a list such as [champion, {deployment: gpt-4.1-mini}].")
    if items is None:
        return default
    read = [_read_baseline(path, node, section.remarks) for path, node in items]
    baselines = tuple(baseline for baseline in read if baseline is not None)
    if len(set(baselines)) < len(baselines):
        section.problem("baselines", "the same baseline appears twice", "Keep one of them.")
    if len(items) > _BASELINES_MAX:
        message = f"{len(items)} baselines, at most {_BASELINES_MAX} are allowed"
        section.problem("baselines", message, "Each is paid for every example.")
    return baselines


def _read_baseline(path: str, node: Node, remarks: Remarks) -> Baseline | None:
    if node.value == "champion":
        return Baseline()
    if not isinstance(node.value, dict):
        message = "a baseline is `champion` or a mapping with `deployment`"
        remedy = f"Did you mean {{deployment: {node.text}}}?" if node.text else "Name a deployment."
        remarks.problems.append(Remark.at(node.position, path, message, remedy))
        return None
    section = Section(node, path, remarks)
    for key in ("few_shot", "answers"):
        if section.take(key) is not None:
            section.problem(key, "not available yet", "Compare against a deployment: {deployment: NAME}.")
            return None
    deployment = section.text("deployment", pattern=_DEPLOYMENT_NAME, hint="Give the name of a deployment.")
    if not section.has_value("deployment"):
        section.problem(None, "deployment is missing", "Name the deployment to compare with.")
    prompt = section.text("system_prompt")
    if prompt is not None and not _is_relative_path(prompt):
        remedy = "Give a path below the container `pipelines`, such as prompts/long.txt."
        section.problem("system_prompt", f"{prompt!r} is not a plain relative path", remedy)
    section.finish()
    return Baseline(kind="deployment", deployment=deployment, system_prompt=prompt) if deployment else None


def _is_relative_path(text: str) -> bool:
    """Whether a text is a plain path below the container `pipelines`: no `..`, no root, no backslash."""
    parts = text.split("/")
    return bool(re.fullmatch(r"[A-Za-z0-9._/ -]{1,200}", text)) and all(
        part not in {"", ".", ".."} for part in parts
    )

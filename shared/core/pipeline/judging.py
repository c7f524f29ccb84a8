"""The parts of a pipeline file that judge, approve and deploy: evaluation, approval, deployment."""

from __future__ import annotations

import re
from typing import Final, Literal, cast

from shared.core.models import model_facts
from shared.core.pipeline.graders import read_graders
from shared.core.pipeline.job import is_relative_path
from shared.core.pipeline.section import Findings, Section, each_section
from shared.core.pipeline.yaml import Node, Problem
from shared.core.spec import (
    DAY_S,
    Approval,
    Baseline,
    Deployment,
    DeploymentSize,
    EvaluationSpec,
    PromoteRule,
    SmokeTest,
)

SKUS: Final = ("Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged", "DeveloperTier")
#: Smaller capacities answer about one request a minute and a capacity unit: an evaluation would never end.
EVALUATION_CAPACITY: Final = 50
DEPLOYMENT_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def read_evaluation(root: Section, model: str) -> EvaluationSpec:
    """`evaluation`: baselines, graders, promotion rule and the size of the candidate's deployment."""
    section = root.section("evaluation")
    graders = read_graders(section)
    promote = _read_promote(section.section("promote"), [g["name"] for g in graders])
    facts = model_facts(model)
    tier = "DeveloperTier" if facts is not None and facts.developer_deployment else "GlobalStandard"
    candidate = _read_size(
        section.section("candidate"), DeploymentSize(sku=tier, capacity=EVALUATION_CAPACITY)
    )
    if candidate.capacity < EVALUATION_CAPACITY:
        section.note(
            "candidate", f"capacity {candidate.capacity} may answer one request a minute", "Use 50 or more."
        )
    if candidate.sku == "DeveloperTier" and facts is not None and not facts.developer_deployment:
        section.note("candidate", f"{model} has no developer deployment", "Use `sku: GlobalStandard`.")
    spec = EvaluationSpec(
        baselines=_read_baselines(section),
        graders=graders,
        promote=promote,
        candidate=candidate,
        max_completion_tokens=section.integer("max_completion_tokens", 1024, 1, 32_768),
    )
    section.finish()
    return spec


def _read_size(section: Section, default: DeploymentSize) -> DeploymentSize:
    size = DeploymentSize(
        sku=section.choice("sku", SKUS, default.sku),
        capacity=section.integer("capacity", default.capacity, 1, 100_000),
    )
    section.finish()
    return size


def _read_promote(section: Section, graders: list[str]) -> PromoteRule:
    metric = section.text("metric")
    if metric is not None and graders and metric not in graders:
        section.problem("metric", f"no grader is called {metric!r}", f"Use one of: {', '.join(graders)}.")
    rule = PromoteRule(
        metric=metric,
        min_gain=section.number("min_gain", 0.0, -1, 1),
        confidence=section.number("confidence", 0.95, 0.5, 0.9999),
        max_cost_ratio=section.number_or_none("max_cost_ratio", None, 0, 1000, above=True),
    )
    section.finish()
    return rule


def _read_baselines(section: Section) -> tuple[Baseline, ...]:
    hint = "Write a list such as [champion, {deployment: gpt-4.1-mini}]."
    items = section.entries("baselines", hint)
    if items is None:
        return (Baseline(),)
    read = [_read_baseline(path, node, section.found) for path, node in items]
    baselines = tuple(b for b in read if b is not None)
    if len(set(baselines)) < len(baselines):
        section.problem("baselines", "the same baseline appears twice", "Keep one of them.")
    if len(items) > 8:
        section.problem(
            "baselines", f"{len(items)} baselines, at most 8 are allowed", "Each is paid for every example."
        )
    return baselines


def _read_baseline(path: str, node: Node, found: Findings) -> Baseline | None:
    if node.value == "champion":
        return Baseline()
    if not isinstance(node.value, dict):
        message = "a baseline is `champion` or a mapping with `deployment`"
        remedy = f"Did you mean {{deployment: {node.text}}}?" if node.text else "Name a deployment."
        found.problems.append(
            Problem(line=node.line, column=node.column, path=path, message=message, remedy=remedy)
        )
        return None
    section = Section(node, path, found)
    for key in ("few_shot", "answers"):
        if section.take(key) is not None:
            section.problem(key, "not available yet", "Compare against a deployment: {deployment: NAME}.")
            return None
    deployment = section.text("deployment", pattern=DEPLOYMENT_NAME, hint="Give the name of a deployment.")
    if "deployment" not in section:
        section.problem(None, "deployment is missing", "Name the deployment to compare with.")
    prompt = section.text("system_prompt")
    if prompt is not None and not is_relative_path(prompt):
        remedy = "Give a path below the pipelines container, such as prompts/long.txt."
        section.problem("system_prompt", f"{prompt!r} is no plain relative path", remedy)
    section.finish(also=("deployment", "system_prompt"))
    return Baseline(kind="deployment", deployment=deployment, system_prompt=prompt) if deployment else None


def read_approval(root: Section) -> Approval:
    """`approval`: who may let a candidate into production, and until when."""
    section = root.section("approval")
    mode = section.choice("mode", ("manual", "automatic"), "manual")
    approval = Approval(
        mode=cast("Literal['manual', 'automatic']", mode),
        approvers=section.integer("approvers", 1, 1, 10),
        expires_after_s=section.duration_s("expires_after", 7 * DAY_S, 1, 90 * DAY_S),
        uploader_may_approve=section.flag("uploader_may_approve", default=False),
    )
    section.finish()
    return approval


def read_deployment(root: Section) -> Deployment:
    """`deployment`: where the approved model goes and what it must answer there."""
    section = root.section("deployment")
    strategy = section.choice("strategy", ("blue_green", "replace"), "blue_green")
    deployment = Deployment(
        strategy=cast("Literal['blue_green', 'replace']", strategy),
        sku=section.choice("sku", SKUS, "GlobalStandard"),
        capacity=section.integer("capacity", 50, 1, 100_000),
        keep_previous_s=section.duration_s("keep_previous", 7 * DAY_S, 0, 365 * DAY_S),
        smoke_test=_read_smoke_tests(section),
    )
    if deployment.sku == "DeveloperTier":
        section.note(
            "sku", "developer deployments are deleted after 24 hours", "Use GlobalStandard in production."
        )
    section.finish()
    return deployment


def _read_smoke_tests(section: Section) -> tuple[SmokeTest, ...]:
    hint = (
        'Write `- messages: [{role: user, content: "..."}]` and, when the answer is known, `expect: "..."`.'
    )
    items = section.entries("smoke_test", hint)
    if items is None:
        return (SmokeTest(),)
    if not items:
        section.problem(
            "smoke_test",
            "no question, so a broken deployment would pass",
            "Leave the key out for the default.",
        )
    tests = []
    for item in each_section(items, section.found, hint):
        messages = _read_messages(item, hint)
        expect = item.text("expect", length=500)
        _check_expectation(item, expect)
        item.finish()
        tests.append(SmokeTest(messages=messages, expect=expect))
    return tuple(tests)


def _read_messages(item: Section, hint: str) -> tuple[dict[str, str], ...]:
    messages = []
    entries = item.entries("messages", hint)
    for message in each_section(entries or [], item.found, hint):
        role = message.choice("role", ("system", "developer", "user", "assistant"), "user")
        content = message.text("content", hint="Give the text of the message.")
        if content is None and "content" not in message:
            message.problem(None, "content is missing", hint)
        message.finish(also=("role", "content"))
        messages.append({"role": role, "content": content or ""})
    if not messages:
        item.problem("messages" if "messages" in item else None, "a smoke test needs messages", hint)
    elif messages[-1]["role"] != "user":
        item.problem(
            "messages",
            f"the last message is from {messages[-1]['role']}",
            "End with a message from the user.",
        )
    return tuple(messages)


def _check_expectation(item: Section, expect: str | None) -> None:
    if expect is None or not (len(expect) > 2 and expect.startswith("/") and expect.endswith("/")):
        return
    try:
        re.compile(expect[1:-1])
    except re.error as error:
        item.problem(
            "expect", f"not a regular expression: {error}", "Correct it, or drop the slashes for plain text."
        )

"""Who lets a model into production, and where it goes: `approval`, `deployment`."""

from __future__ import annotations

from typing import Final, Literal, cast

from shared.core import expected
from shared.core.models import deployment_capacity, deployment_obstacle, deployment_sku
from shared.core.pipeline.section import Section, each_section
from shared.core.spec import DAY_S, Approval, Deployment, SmokeQuestion

SKUS: Final = ("Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged", "DeveloperTier")
_QUESTIONS_MAX: Final = 100
_SMOKE_TEST: Final = (
    'Write `- messages: [{role: user, content: "..."}]` and, when the answer is known, `expect: "..."`.'
)


def read_approval(root: Section) -> Approval:
    """`approval`: who may let a candidate into production, and until when."""
    section, default = root.section("approval"), Approval()
    mode = section.choice("mode", ("manual", "automatic"), default.mode)
    approval = Approval(
        mode=cast("Literal['manual', 'automatic']", mode),
        approvers=section.integer("approvers", default.approvers, 1, 10),
        expires_after_s=section.duration_s("expires_after", default.expires_after_s, 1, 90 * DAY_S),
        uploader_may_approve=section.flag("uploader_may_approve", default=default.uploader_may_approve),
    )
    section.finish()
    return approval


def read_deployment(root: Section, model: str) -> Deployment:
    """`deployment`: where the approved model goes and what it must answer there."""
    section, default = (
        root.section("deployment"),
        Deployment(sku=deployment_sku(model), capacity=deployment_capacity(model)),
    )
    strategy = section.choice("strategy", ("blue_green", "replace"), default.strategy)
    deployment = Deployment(
        strategy=cast("Literal['blue_green', 'replace']", strategy),
        sku=section.choice("sku", SKUS, default.sku),
        capacity=section.integer("capacity", default.capacity, 1, 100_000),
        keep_previous_s=section.duration_s("keep_previous", default.keep_previous_s, 0, 365 * DAY_S),
        smoke_test=_read_smoke_test(section, default.smoke_test),
    )
    if (obstacle := deployment_obstacle(model, deployment.sku)) is not None:
        section.problem("sku", *obstacle)
    if deployment.sku == "DeveloperTier":
        remedy = "Use GlobalStandard in production."
        section.note("sku", "developer deployments are deleted after 24 hours", remedy)
    section.finish()
    return deployment


def _read_smoke_test(section: Section, default: tuple[SmokeQuestion, ...]) -> tuple[SmokeQuestion, ...]:
    items = section.entries("smoke_test", _SMOKE_TEST)
    if items is None:
        return default
    if not items:
        remedy = "Leave the key out for the default."
        section.problem("smoke_test", "no question, so a broken deployment would pass", remedy)
    if len(items) > _QUESTIONS_MAX:
        message = f"{len(items)} questions, at most {_QUESTIONS_MAX} are allowed"
        section.problem("smoke_test", message, "Leave the others to the evaluation.")
    questions = []
    for item in each_section(items[:_QUESTIONS_MAX], section.remarks, _SMOKE_TEST):
        messages = _read_messages(item)
        expect = item.text("expect", length=500)
        _check_expectation(item, expect)
        item.finish()
        questions.append(SmokeQuestion(messages=messages, expect=expect))
    return tuple(questions)


def _read_messages(item: Section) -> tuple[dict[str, str], ...]:
    messages = []
    entries = item.entries("messages", _SMOKE_TEST)
    for message in each_section(entries or [], item.remarks, _SMOKE_TEST):
        role = message.choice("role", ("system", "developer", "user", "assistant"), "user")
        content = message.text("content", hint="Give the text of the message.")
        if not message.has_value("content"):
            message.problem(None, "content is missing", _SMOKE_TEST)
        message.finish()
        messages.append({"role": role, "content": content or ""})
    if not messages:
        item.problem("messages" if "messages" in item else None, "a smoke test needs messages", _SMOKE_TEST)
    elif messages[-1]["role"] != "user":
        reason = f"the last message is from {messages[-1]['role']}"
        item.problem("messages", reason, "End with a message from the user.")
    return tuple(messages)


def _check_expectation(item: Section, expect: str | None) -> None:
    if expect is None:
        return
    try:
        expected.check(expect)
    except expected.NotTaken as reason:
        item.problem("expect", str(reason), "Correct it, or drop the slashes for plain text.")

"""What the subscription is offered: the models and their dates, quotas, how long deployments live, when spare capacity is lost.

It is read from `offer.json` in the state directory, again whenever that file changes.  Everything in it is optional:

    {"retirements": {"gpt-4.1": {"deprecating": "2026-04-14", "base": "2027-04-14",
                                 "training": "2027-04-14", "tuned": "2027-10-14"}},
     "quotas": {"OpenAI.GlobalStandard.gpt4.1-finetune": 100},
     "lifetimes_s": {"developer": 86400, "idle": 1296000},
     "preemption": {"at_step": 20, "for_s": 3}}

`"retirements": "documented"` means Azure's schedule.  Without dates no model retires: one day all base models of that schedule
are gone, and a local cloud would have nothing to compare a tuned model with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from local.foundry.common.catalogue import MODELS, Model

Phase = Literal["deprecating", "base", "training", "tuned"]
_PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
#: How Azure writes that no date is set (documented examples of Resource Manager).
NEVER: Final = date(2099, 12, 31)

#: Documented: a developer deployment is deleted after 24 hours, used or not; any tuned one after 15 days without a request.
_DEVELOPER_S: Final = 24 * 3600.0
_IDLE_S: Final = 15 * 24 * 3600.0

_CLASSIC: Final = {"base": date(2027, 4, 14), "training": date(2027, 4, 14), "tuned": date(2027, 10, 14)}
_OMNI: Final = {"base": date(2027, 4, 14), "training": date(2027, 4, 1), "tuned": date(2027, 10, 1)}
#: As of 2026-09-02 (learn.microsoft.com/azure/foundry/openai/concepts/model-retirement-schedule).
DOCUMENTED: Final[Mapping[str, Mapping[str, date]]] = {
    "gpt-4.1": _CLASSIC,
    "gpt-4.1-mini": _CLASSIC,
    "gpt-4.1-nano": _CLASSIC,
    "gpt-4o": _OMNI,
    "gpt-4o-mini": _OMNI,
    "o4-mini": {"base": date(2026, 10, 16), "training": date(2027, 4, 16), "tuned": date(2027, 10, 16)},
    "gpt-5": {"base": date(2027, 2, 9)},
}


@dataclass(frozen=True, slots=True)
class Preemption:
    """At which step a job of the developer tier loses its capacity, and for how many seconds."""

    at_step: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Terms:
    """The content of `offer.json`, with the defaults for what it leaves out."""

    retirements: Mapping[str, Mapping[str, date]] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    developer_s: float = _DEVELOPER_S
    idle_s: float = _IDLE_S
    preemption: Preemption | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Terms:
        """The terms of a JSON object.

        Raises:
            ValueError: for what is not understood.
        """
        try:
            if unknown := raw.keys() - {"retirements", "quotas", "lifetimes_s", "preemption"}:
                msg = f"unknown keys: {', '.join(sorted(unknown))}"
                raise ValueError(msg)
            lifetimes, preemption = raw.get("lifetimes_s", {}), raw.get("preemption")
            return cls(
                retirements=_retirements(raw.get("retirements", {})),
                quotas={str(name): int(limit) for name, limit in raw.get("quotas", {}).items()},
                developer_s=float(lifetimes.get("developer", _DEVELOPER_S)),
                idle_s=float(lifetimes.get("idle", _IDLE_S)),
                preemption=Preemption(**preemption) if preemption else None,
            )
        except (AttributeError, TypeError) as error:
            raise ValueError(str(error)) from error


def _retirements(raw: Any) -> dict[str, Mapping[str, date]]:
    if raw == "documented":
        return dict(DOCUMENTED)
    found: dict[str, Mapping[str, date]] = {}
    for name, dates in raw.items():
        if name not in MODELS or dates.keys() - set(_PHASES):
            msg = f"retirements: {name} is not a model, or has other dates than {', '.join(_PHASES)}"
            raise ValueError(msg)
        found[MODELS[name].name] = {phase: date.fromisoformat(day) for phase, day in dates.items()}
    return found


class Offer:
    """The terms, always as the file has them now."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "offer.json"
        self._seen: tuple[int, int] | None = None
        self._terms = Terms()
        self._terms = self.terms  # refuses a wrong file at the start

    @property
    def terms(self) -> Terms:
        """The terms as the file has them now.

        Raises:
            ValueError: if the file is wrong; the message names it.
        """
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return Terms()
        if not stat.st_size:  # someone is writing it
            return self._terms
        seen = (stat.st_mtime_ns, stat.st_size)
        if seen != self._seen:
            try:
                self._terms = Terms.parse(json.loads(self._path.read_text()))
            except ValueError as error:
                msg = f"{self._path.name}: {error}"
                raise ValueError(msg) from error
            self._seen = seen
        return self._terms

    def retire(self, model: str, dates: Mapping[str, Any]) -> dict[str, Any]:
        """Set dates of a model in the file; the retirements that it has then.

        Raises:
            ValueError: for what is not understood.
        """
        raw = json.loads(self._path.read_text()) if self._path.exists() else {}
        known = raw.get("retirements", {})
        if known == "documented":
            known = {
                name: {phase: str(day) for phase, day in days.items()} for name, days in DOCUMENTED.items()
            }
        raw["retirements"] = known | {model: known.get(model, {}) | dict(dates)}
        Terms.parse(raw)
        self._path.write_text(json.dumps(raw))
        return dict(raw["retirements"])

    def retires_on(self, model: Model, phase: Phase) -> date:
        """The first day after a phase of a model's life, in UTC."""
        return self.terms.retirements.get(model.name, {}).get(phase, NEVER)

    def is_over(self, model: Model, phase: Phase, now: float) -> bool:
        """Whether that day has come; `now` is in seconds since 1970."""
        return datetime.fromtimestamp(now, UTC).date() >= self.retires_on(model, phase)

"""By what a run is judged that is judged again."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """By what a run is judged since a person had it judged again."""

    pin: str
    """`sha256:...` of what it is pinned to since then, beside the first pin."""
    changed: tuple[str, ...]
    """What differs from the first judgement: keys of the pipeline file, also those that were changed back since."""
    notes: tuple[str, ...] = ()
    """What of today's pipeline file is not used, in sentences."""
    person: str
    """Object id of the Entra principal who asked."""
    name: str
    at: datetime
    before: tuple[str, ...] = ()
    """The verdicts that were given before, the first one first."""
    comment: str = ""
    """Why a person asked; empty where they did not say."""
    role: str = ""
    """The app role by which they asked; empty in rows that releases before 0.3.0 wrote."""

    @property
    def sentence(self) -> str:
        """For whoever reads the verdict."""
        changed = ", ".join(self.changed) or "nothing of `evaluation`"
        said = f"Judged again on {self.at:%Y-%m-%d}; changed since the first judgement: {changed}."
        verdicts = (
            f"Judgement {number} was {verdict}" for number, verdict in enumerate(self.before, start=1)
        )
        return " ".join((said, *verdicts, *self.notes))

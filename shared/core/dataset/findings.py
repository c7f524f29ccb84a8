"""Findings: what is wrong with a dataset, where, and what to do about it.  Values, never exceptions."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

#: A log keeps this many findings; the totals stay exact.  People read the first page, machines read the
#: totals.
FINDINGS_MAX: Final = 200
EXCERPT_CHARS_MAX: Final = 80

#: Things that must not travel from a dataset into reports and logs.
_PRIVATE: Final = re.compile(
    r"(?P<mail>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)"
    r"|(?P<key>\b(?:sk|pk|gh[pousr]|xox[abp]|AKIA|eyJ)[-_A-Za-z0-9]{12,})"
    r"|(?P<number>\d(?:[ -]?\d){8,})"
)


class Severity(StrEnum):
    """How bad a finding is: an error refuses the dataset, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that datasets are held to.

    Attributes:
        code: stable, `DS` and three digits; never used again for another rule.
        severity: of its findings.
        title: what the rule demands.
        remedy: what to do about a violation.
    """

    code: str
    severity: Severity
    title: str
    remedy: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One violation of a rule.

    Attributes:
        code: of the rule.
        severity: of the rule.
        file: name of the file.
        line: 1-based line, None if the whole file is meant.
        path: JSON path in the row, such as `messages[2].content`; None if the whole row is meant.
        message: what was expected and what was found.
        remedy: what to do.
        excerpt: the beginning of the offending text, redacted and escaped; None if there is none to show.
    """

    code: str
    severity: Severity
    file: str
    line: int | None
    path: str | None
    message: str
    remedy: str
    excerpt: str | None = None

    def render(self) -> str:
        """The finding as one line: `DS032 training.jsonl:41 messages[2].content: message. remedy`."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        path = f" {self.path}" if self.path else ""
        return f"{self.code} {where}{path}: {self.message}. {self.remedy}"


class FindingLog:
    """Findings of a dataset, bounded: the first ones are kept, all are counted."""

    def __init__(self, limit: int = FINDINGS_MAX) -> None:
        self._limit = limit
        self._kept: list[Finding] = []
        self._totals: dict[str, int] = {}
        self._by_severity: dict[Severity, int] = dict.fromkeys(Severity, 0)

    def add(
        self,
        rule: Rule,
        message: str,
        *,
        file: str,
        line: int | None = None,
        path: str | None = None,
        excerpt: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Record a violation of a rule; `remedy` replaces the rule's own where more is known."""
        self._totals[rule.code] = self._totals.get(rule.code, 0) + 1
        self._by_severity[rule.severity] += 1
        if not self._has_room(rule.severity):
            return
        self._kept.append(
            Finding(
                code=rule.code,
                severity=rule.severity,
                file=file,
                line=line,
                path=path,
                message=message,
                remedy=remedy or rule.remedy,
                excerpt=None if excerpt is None else to_excerpt(excerpt),
            )
        )

    def _has_room(self, severity: Severity) -> bool:
        """Whether to keep one more; an error drives out a milder one, so no flood of warnings hides it."""
        if len(self._kept) < self._limit:
            return True
        if severity is not Severity.ERROR:
            return False
        for index in range(len(self._kept) - 1, -1, -1):
            if self._kept[index].severity is not Severity.ERROR:
                del self._kept[index]
                return True
        return False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that were kept, by file and line."""
        return tuple(sorted(self._kept, key=lambda f: (f.file, f.line or 0, f.code, f.path or "")))

    @property
    def totals(self) -> dict[str, int]:
        """How often each rule was violated, exactly."""
        return dict(sorted(self._totals.items()))

    def count(self, severity: Severity) -> int:
        """How many findings of a severity there are, exactly."""
        return self._by_severity[severity]


def to_excerpt(text: str) -> str:
    """At most 80 characters of a text, private things masked and control characters escaped."""
    head = text[: EXCERPT_CHARS_MAX * 4]
    masked = _PRIVATE.sub(lambda m: f"[{m.lastgroup}]", head)
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in masked)
    if len(escaped) <= EXCERPT_CHARS_MAX and len(head) == len(text):
        return escaped
    return escaped[: EXCERPT_CHARS_MAX - 1] + "…"

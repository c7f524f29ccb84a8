"""Findings: what is wrong with a dataset, where, and what to do about it.  Values, never exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from shared.core.dataset.limits import COUNTED_MAX
from shared.core.dataset.rulebook import Issue, Problem, Rule, Severity
from shared.core.shown import quoted

#: So many findings of each rule are kept, so that a flood of one hides no other; the totals stay exact.
FINDINGS_PER_RULE_MAX: Final = 50
EXCERPT_CHARS_MAX: Final = 80
#: No more of a text is looked at for its excerpt.
EXCERPT_READ_MAX: Final = 4 * EXCERPT_CHARS_MAX
#: Paths and messages quote keys and values of rows, which may be as long as anybody likes.
PATH_CHARS_MAX: Final = 200
MESSAGE_CHARS_MAX: Final = 1000


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
        excerpt: the beginning of the offending text; None if there is none to show.

    What these quote of a row is masked, on one line, and clipped.
    """

    code: str
    severity: Severity
    file: str
    line: int | None
    path: str | None
    message: str
    remedy: str
    excerpt: str | None = None

    @property
    def place(self) -> str:
        """File and line, as editors can jump to it; the file alone if it is about all of it."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def render(self) -> str:
        """The finding as one line: `DS032 training.jsonl:41 messages[2].content: message. remedy`."""
        path = f" {self.path}" if self.path else ""
        return f"{self.code} {self.place}{path}: {self.message}. {self.remedy}"


class FindingLog:
    """Findings of a dataset, bounded: the first ones of each rule are kept, many more are counted.

    Args:
        severities: by code, of the rules whose severity this pipeline changes; None turns a rule off.
        limit: findings that are kept of each rule.
        counted_max: findings that are counted of each rule.
    """

    def __init__(
        self,
        severities: Mapping[str, Severity | None] | None = None,
        *,
        limit: int = FINDINGS_PER_RULE_MAX,
        counted_max: int = COUNTED_MAX,
    ) -> None:
        self._severities = severities or {}
        self._limit, self.counted_max = limit, counted_max
        self._stopped: set[str] = set()
        self._kept: list[Finding] = []
        self._totals: dict[str, int] = {}
        self._by_severity: dict[Severity, int] = dict.fromkeys(Severity, 0)

    def add(self, rule: Rule, problem: Problem, *, file: str, line: int | None = None) -> None:
        """Record a violation of a rule."""
        severity = self._severities.get(rule.code, rule.severity)
        if severity is None:
            return
        if self._totals.get(rule.code, 0) >= self.counted_max:
            self._stopped.add(rule.code)
            return
        self._totals[rule.code] = self._totals.get(rule.code, 0) + 1
        self._by_severity[severity] += 1
        if self._totals[rule.code] > self._limit:
            return
        self._kept.append(
            Finding(
                code=rule.code,
                severity=severity,
                file=file,
                line=line,
                path=None if problem.path is None else quoted(problem.path, PATH_CHARS_MAX),
                message=quoted(str(problem.message), MESSAGE_CHARS_MAX),
                remedy=quoted(problem.remedy, MESSAGE_CHARS_MAX) if problem.remedy else rule.remedy,
                excerpt=to_excerpt(problem.excerpt) if problem.excerpt else None,
            )
        )

    def add_all(self, issues: Iterable[Issue], *, file: str, line: int | None = None) -> None:
        """Record violations at one place."""
        for rule, problem in issues:
            self.add(rule, problem, file=file, line=line)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that were kept, by file and line."""
        return tuple(sorted(self._kept, key=lambda f: (f.file, f.line or 0, f.code, f.path or "")))

    @property
    def totals(self) -> dict[str, int]:
        """How often each rule was violated; exact where counting did not stop."""
        return dict(sorted(self._totals.items()))

    def keeps(self, issues: Iterable[Issue]) -> bool:
        """Whether one of these would be kept, so that it is worth to be shown."""
        return any(self._totals.get(issue.rule.code, 0) < self._limit for issue in issues)

    def stop(self, what: str) -> None:
        """From now on something is not counted."""
        self._stopped.add(what)

    @property
    def stopped(self) -> tuple[str, ...]:
        """The rules of which not all findings were counted, and what else was not."""
        return tuple(sorted(self._stopped))

    def count(self, severity: Severity) -> int:
        """How many findings of a severity were counted."""
        return self._by_severity[severity]

    def has_error_in(self, file: str) -> bool:
        """Whether an error of this file was kept; the first one always is."""
        return any(f.file == file and f.severity is Severity.ERROR for f in self._kept)


def to_excerpt(text: str) -> str:
    """At most 80 characters of a text, private things masked and control characters escaped."""
    return quoted(text, EXCERPT_CHARS_MAX)

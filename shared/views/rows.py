"""Evidence for those who may not see rows of the dataset: the same pages and data without them."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.core import artifacts, served
from shared.core.artifacts import COMPARISON, REPORT, REPORT_PAGE
from shared.core.dataset.findings import MESSAGE_CHARS_MAX, PATH_CHARS_MAX, Finding
from shared.core.dataset.report import Report
from shared.core.dataset.report import to_markdown as report_page
from shared.core.evaluation.render import to_markdown as comparison_page
from shared.core.evaluation.scorecard import Comparison
from shared.core.shown import quoted

_decode_report: Final = msgspec.json.Decoder(Report).decode
_decode_comparison: Final = msgspec.json.Decoder(Comparison).decode
_LEFT_OUT: Final = (
    "\nRows of the dataset are left out here: they are shown to the app role that `DATA_ROLE` names.\n"
)


def source_of(name: str) -> str:
    """What an artifact is made from for those who may not see rows: the data beside a page, else itself."""
    return f"{name.removesuffix('.md')}.json" if name.endswith(".md") else name


def without_rows(name: str, source: bytes) -> bytes | None:
    """An artifact without rows.

    Args:
        name: of one that `artifacts.is_shown_without_rows`.
        source: the bytes of `source_of(name)`.

    Returns:
        None if no release that this one knows wrote it: nobody can tell what is a row.
    """
    plain = artifacts.first_name(name)
    try:
        if plain in {REPORT.name, REPORT_PAGE.name}:
            report = _report(_decode_report(source))
            return msgspec.json.encode(report) if plain == REPORT.name else _page(report_page(report))
        comparison = msgspec.structs.replace(_decode_comparison(source), rows=())
        return (
            msgspec.json.encode(comparison)
            if plain == COMPARISON.name
            else _page(comparison_page(comparison))
        )
    except (msgspec.MsgspecError, UnicodeError, LookupError, RecursionError):
        return None


def _page(page: str) -> bytes:
    return (page + _LEFT_OUT).encode()


def _report(report: Report) -> Report:
    findings = tuple(map(_masked, report.findings))
    return msgspec.structs.replace(report, findings=findings, changes={})


def finding(stored: Finding, *, sees_rows: bool) -> served.Finding:
    """A finding; without its excerpt for those who may not see rows, and what older releases did not mask is masked."""
    masked = stored if sees_rows else _masked(stored)
    return served.Finding(
        code=masked.code,
        severity=masked.severity,
        file=masked.file,
        line=masked.line,
        path=masked.path,
        message=masked.message,
        remedy=masked.remedy,
        excerpt=masked.excerpt,
    )


def _masked(finding: Finding) -> Finding:
    return msgspec.structs.replace(
        finding,
        path=None if finding.path is None else quoted(finding.path, PATH_CHARS_MAX),
        message=quoted(finding.message, MESSAGE_CHARS_MAX),
        excerpt=None,
    )

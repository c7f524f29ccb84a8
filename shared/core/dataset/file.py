"""The first pass over a file: every row against every rule, and everything that later steps need to know about the file."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.core.dataset.across.statistics import scripts_of
from shared.core.dataset.findings import Finding, FindingLog
from shared.core.dataset.format import FORMATS, Row
from shared.core.dataset.limits import FileFacts
from shared.core.dataset.nulls import without_nulls
from shared.core.dataset.options import Action, Options
from shared.core.dataset.reading.blocks import Block, TooLong, is_blank, split_blocks, take_head
from shared.core.dataset.reading.foreign_formats import HEAD_BYTES
from shared.core.dataset.reading.line import Signs, decode_row, with_excerpt
from shared.core.dataset.repair import Change
from shared.core.dataset.rows.block import BlockAnalyst, BlockFacts
from shared.core.dataset.rows.check import Checks
from shared.core.dataset.rows.minhash import MinHasher
from shared.core.dataset.rows.numbering import Numbering
from shared.core.dataset.rows.signs import SignReader
from shared.core.dataset.rows.texts import strings_of, texts_with_paths
from shared.core.dataset.rulebook import Issue, Rule, broken
from shared.core.dataset.rules import files, lines, methods, sets
from shared.core.dataset.rules.methods import slot_values
from shared.core.dataset.rules.texts import personal_data, reserved_token, secret, special_token
from shared.core.dataset.summary import FileSummary, RowState, put
from shared.core.models import tokenizer_of
from shared.core.spec import MethodType
from shared.core.tokenizers import NOT_FOUND

#: Rules about texts that depend on the model.
_ABOUT_TOKENS: Final = frozenset({special_token, reserved_token})
_CHANGES_MAX: Final = 200
#: Why a row was put aside: so many findings are kept.
_REASONS_MAX: Final = 50
_TOOLS_SHOWN_MAX: Final = 200
_ROLES: Final = {"s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool", "f": "function"}


def inspect_file(
    summary: FileSummary, chunks: Iterable[bytes], *, options: Options, log: FindingLog, hasher: MinHasher
) -> FileSummary:
    """Read a file once and check every row.

    Args:
        summary: of the file, with its name and what it is used for; the rest is filled in.
        chunks: the bytes of the file, cut anywhere.
        options: what is looked for.
        log: takes the findings.
        hasher: shared by the files of a dataset, so that their signatures can be compared.

    Returns:
        The summary; neither it nor the findings depend on how the bytes were cut.
    """
    inspection = _Inspection(summary, options, log, hasher)
    stream = inspection.hashed(chunks)
    head, rest = take_head(stream, HEAD_BYTES)
    if head and not inspection.accept_head(head[:HEAD_BYTES]):
        for _ in rest:
            pass
        return inspection.finish()
    for block in split_blocks(itertools.chain([head], rest), line_bytes_max=options.limits.line_bytes_max):
        inspection.take(block)
    return inspection.finish()


class _Used:
    """The rows of a block that are used so far, with their indexes in the file and their lines."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.indexes: list[int] = []
        self.lines: list[int] = []


class _Inspection:
    """The state of one pass."""

    def __init__(self, summary: FileSummary, options: Options, log: FindingLog, hasher: MinHasher) -> None:
        self._summary, self._options, self._log = summary, options, log
        self._form, self._checks = FORMATS[options.method], Checks(options)
        has_labels = options.method is MethodType.SUPERVISED
        self._analyst = BlockAnalyst(
            self._form, self._checks.text_rules(), hasher, has_labels=has_labels, is_exam=summary.is_exam
        )
        self._signs = SignReader()
        self._raw = hashlib.sha256()
        self._foreign = False
        self._has_begun = False
        self._first_used: Row | None = None
        self._roles: Counter[str] = Counter()
        self._tools: Counter[str] = Counter()
        self._numbers = Numbering()
        self._spaced = self._first_spaced = self._bad = self._blanks = self._aside = self._compared = 0
        self._values: dict[str, Any] = {}
        self._varying: set[str] = set()

    def hashed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass chunks through, with their size and hash."""
        for chunk in chunks:
            self._raw.update(chunk)
            self._summary.size_bytes += len(chunk)
            yield chunk

    def accept_head(self, head: bytes) -> bool:
        """Take the beginning of the file, or report that it is not JSON Lines (DS020, DS021); whether it was taken."""
        return self._accept(broken(files.not_text, head) or broken(files.other_text_format, head), 1)

    def _accept_lines(self, block: Block) -> None:
        """Take the first lines, or report that rows are written otherwise (DS021)."""
        texts = (line for line in block.lines if isinstance(line, bytes) and not is_blank(line))
        self._accept(files.rows_written_otherwise([*itertools.islice(texts, 2)]), 1)

    def _accept(self, found: list[Issue], line: int) -> bool:
        self._foreign = bool(found)
        self._add(found, line)
        return not self._foreign

    def _add(self, issues: Iterable[Issue], line: int | None) -> None:
        self._log.add_all(issues, file=self._summary.file, line=line)

    def take(self, block: Block) -> None:
        """Check the lines of a block."""
        if block.first == 1 and not self._foreign:
            self._accept_lines(block)
        used, signs = _Used(), self._signs.signs_of(block.lines)
        for number, line in enumerate(block.lines, start=block.first):
            if self._summary.has_more_rows:
                break
            if isinstance(line, bytes) and is_blank(line):
                self._blank(line, number)
                continue
            if self._summary.rows >= self._options.limits.rows_max:
                self._summary.has_more_rows = True
                break
            index = self._place(number)
            if isinstance(line, TooLong):
                limit = self._options.limits.line_bytes_max
                self._settle(index, number, broken(lines.line_too_long, line.size_bytes, limit))
            elif self._foreign or self._is_refused():
                self._summary.states[index] = RowState.BAD
            elif (row := self._judge(line, number, index, signs)) is not None:
                used.rows.append(row)
                used.indexes.append(index)
                used.lines.append(number)
        if used.rows:
            self._merge(self._analyst.analyse(used.rows), used)

    def _is_refused(self) -> bool:
        """Whether so many rows have errors that the others need not be looked at."""
        if self._bad < self._options.limits.counted_max:
            return False
        self._log.stop("rows with errors")
        return True

    def _blank(self, line: bytes, number: int) -> None:
        self._blanks += 1
        if self._blanks > self._options.limits.counted_max:
            self._log.stop(lines.blank_line.code)
        elif self._options.action_for(lines.blank_line) is Action.REPAIR:
            self._remember([Change(line=number, code="DS003", path=None, what="blank line left out")])
        else:
            self._add(broken(lines.blank_line, line), number)

    def _remember(self, changes: list[Change]) -> None:
        self._summary.change_count += len(changes)
        self._summary.changes += changes[: _CHANGES_MAX - len(self._summary.changes)]

    def _place(self, line: int) -> int:
        """A place for a row; its index."""
        summary = self._summary
        summary.states.append(RowState.GOOD)
        summary.lines.append(line)
        return len(summary.states) - 1

    def _judge(self, line: bytes, number: int, index: int, signs: Signs) -> Row | None:
        """Read a row and decide what becomes of it; the row, if it is used."""
        row, issues, changes = self._checks.judge(line, number, signs)
        if row is None:
            self._settle(index, number, issues)
            return None
        if not self._has_begun:
            self._has_begun = True
            # As it was written: once it is repaired, nothing may be left of a foreign row.
            shown = without_nulls(decode_row(line), self._form)
            if not self._accept_first(shown, number):
                self._summary.states[index] = RowState.BAD
                return None
        self._remember(changes)
        if self._form.has_fields and not any(self._options.is_error(issue.rule) for issue in issues):
            self._first_used = self._first_used or row
            issues = issues + broken(methods.other_fields, *map(self._fields_of, (row, self._first_used)))
            self._compare_values(row)
        if issues and self._log.keeps(issues):
            issues = [with_excerpt(issue, row) for issue in issues]
        if self._settle(index, number, issues):
            if changes:
                self._summary.states[index] = RowState.REPAIRED
            return row
        if self._summary.states[index] == RowState.BAD:
            # Whoever corrects the row should know at once what else may not stay in it.
            texts = list(strings_of(row or decode_row(line)))
            for rule in (secret, personal_data):
                self._add([issue for at, text in texts for issue in broken(rule, text, at)], number)
        return None

    def _fields_of(self, row: Row) -> frozenset[str]:
        return frozenset(row.keys() - self._form.keys)

    def _accept_first(self, row: Row, line: int) -> bool:
        """Take the first row, or report that the file is meant for something else (DS022, DS023); whether it was taken."""
        method = self._options.method
        found = broken(files.other_method, row, method) or broken(files.other_vendor, row, method)
        return self._accept([with_excerpt(issue, row) for issue in found], line)

    def _compare_values(self, row: Row) -> None:
        """What rule DS076 needs."""
        values = dict(slot_values(row, self._options.templates))
        if any(methods.is_nothing(value) for value in values.values()):
            return  # DS075 or DS077 says so
        self._compared += 1
        for slot, value in values.items():
            if self._values.setdefault(slot, value) != value:
                self._varying.add(slot)

    def _settle(self, index: int, line: int, issues: list[Issue]) -> bool:
        """Report what is wrong with a row and decide what becomes of it; whether it is used."""
        if not issues:
            return True
        errors = [issue for issue in issues if self._options.is_error(issue.rule)]
        has_room = self._aside < self._options.limits.counted_max
        if errors and has_room and all(self._options.quarantines(issue.rule) for issue in errors):
            self._summary.states[index] = RowState.QUARANTINED
            self._summary.quarantine[index] = self._summary.quarantine.get(index, ()) + tuple(
                _finding(issue, self._summary.file, line) for issue in errors[:_REASONS_MAX]
            )
            self._aside += min(len(errors), _REASONS_MAX)
            return False
        self._add(issues, line)
        if errors:
            self._summary.states[index] = RowState.BAD
            self._bad += 1
        return not errors

    def _merge(self, facts: BlockFacts, used: _Used) -> None:
        """Take over what is known about the rows of a block that are used, in their order."""
        summary = self._summary
        summary.make_room()
        for column, values in (
            (summary.keys, facts.keys),
            (summary.prompt_keys, facts.prompt_keys),
            (summary.loose_keys, facts.loose_keys),
            (summary.systems, self._numbers.of_systems([preamble.system for preamble in facts.preambles])),
            (summary.labels, self._numbers.of_labels(facts.labels, len(facts.keys))),
            (summary.tokens, facts.tokens),
        ):
            put(column, used.indexes, values)
        summary.put_signatures(used.indexes, facts.signatures)
        self._roles.update(facts.roles)
        if facts.spaced:
            self._first_spaced = self._first_spaced or used.lines[facts.spaced[0]]
        self._spaced += len(facts.spaced)
        for preamble in facts.preambles:
            if preamble.tools:
                self._tools.update(preamble.tools)
                summary.tool_rows += 1
        summary.images += sum(facts.images)
        summary.image_examples += len(facts.images)
        self._settle_late(facts, used)

    def _settle_late(self, facts: BlockFacts, used: _Used) -> None:
        """Rules about tokens and texts; they look only at rows in which no error was found before."""
        limit = self._options.limits.example_tokens_max
        for position, count in enumerate(facts.tokens):
            issues = broken(sets.example_too_long, count, limit) if count > limit else []
            if candidates := facts.candidates.get(position):
                issues += self._check_texts(used.rows[position], candidates)
            if issues and not self._settle(used.indexes[position], used.lines[position], issues):
                self._summary.forget(used.indexes[position])

    def _check_texts(self, row: Row, candidates: Iterable[Rule]) -> list[Issue]:
        asked = sorted(candidates, key=lambda rule: rule.code)
        texts = texts_with_paths(row, self._form)
        return [
            issue
            for at, text in texts
            for rule in asked
            for issue in broken(rule, text, at, **self._facts(rule, at, row))
        ]

    def _facts(self, rule: Rule, at: str, row: Row) -> dict[str, Any]:
        """What a rule about texts is told beside the text: no model reads the fields of graders."""
        if rule not in _ABOUT_TOKENS:
            return {}
        return {"tokenizer": NOT_FOUND if at in row else tokenizer_of(self._options.model)}

    def finish(self) -> FileSummary:
        """The rules about the file as a whole, and the summary."""
        summary = self._summary
        summary.fit()
        summary.sha256 = self._raw.hexdigest()
        summary.roles = {_ROLES[letter]: count for letter, count in sorted(self._roles.items())}
        summary.tools = dict(self._tools.most_common(_TOOLS_SHOWN_MAX))
        summary.label_names = self._numbers.label_names()
        summary.field_values = {slot: 2 if slot in self._varying else 1 for slot in self._values}
        summary.is_foreign = self._foreign
        summary.guessed_to = self._checks.guesses.last_line
        summary.scripts = scripts_of(self._analyst.sample or ())
        facts = FileFacts(
            rows=summary.rows,
            size_bytes=summary.size_bytes,
            has_error=self._foreign or self._log.has_error_in(summary.file),
            images=summary.images,
            image_examples=summary.image_examples,
            spaced_rows=self._spaced,
            first_spaced_line=self._first_spaced,
            slot_values=summary.field_values,
            compared_rows=self._compared,
            model=self._options.model,
            quarantined_rows=len(summary.quarantine),
            quarantine_max_share=self._options.quarantine_max_share,
            limits=self._options.limits,
            has_more_rows=summary.has_more_rows,
            schemas=self._checks.schemas.work,
        )
        for rule in self._checks.file_rules():
            self._add(broken(rule, facts), None)
        return summary


def _finding(issue: Issue, file: str, line: int) -> Finding:
    """An issue as a finding that no log counts: a row in quarantine is not an error of the dataset."""
    log = FindingLog()
    log.add(issue.rule, issue.problem, file=file, line=line)
    return log.findings[0]

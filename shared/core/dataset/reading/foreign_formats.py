"""Recognises files in other formats and names the conversion that they need: one finding instead of thousands."""

from __future__ import annotations

from typing import Final

from shared.core.dataset.reading.foreign_lines import PYTHON_STARTS
from shared.core.dataset.rulebook import Problem

#: The beginning of a file that is looked at, in bytes.
HEAD_BYTES: Final = 4096

_MAGIC: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it: `gunzip FILE`."),
    (
        b"PK\x03\x04",
        "a ZIP archive or an Excel workbook",
        "Unpack it, or export the sheet and convert it to JSON Lines.",
    ),
    (
        b"PAR1",
        "a Parquet file",
        "Convert it: `pandas.read_parquet(...).to_json(orient='records', lines=True)`.",
    ),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it: `unzstd FILE`."),
    (b"BZh", "a bzip2 archive", "Unpack it: `bunzip2 FILE`."),
    (b"%PDF", "a PDF document", "Extract examples from it; the app trains on conversations."),
    (b"\xfd7zXZ\x00", "an xz archive", "Unpack it: `unxz FILE`."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it: `7z x FILE`."),
    (
        b"{\x00",
        "UTF-16 text without a byte order mark",
        "Store the file as UTF-8: `iconv -f UTF-16LE -t UTF-8`.",
    ),
    (
        b"\x00{",
        "UTF-16 text without a byte order mark",
        "Store the file as UTF-8: `iconv -f UTF-16BE -t UTF-8`.",
    ),
    (b"\xff\xfe\x00\x00", "UTF-32 text", "Store the file as UTF-8."),
    (b"\x00\x00\xfe\xff", "UTF-32 text", "Store the file as UTF-8."),
    (b"\xff\xfe", "UTF-16 text", "Store the file as UTF-8: `iconv -f UTF-16 -t UTF-8`."),
    (b"\xfe\xff", "UTF-16 text", "Store the file as UTF-8: `iconv -f UTF-16 -t UTF-8`."),
)


def foreign_binary(head: bytes) -> Problem | None:
    """What a file is that is not UTF-8 text, by its first `HEAD_BYTES` bytes; None if it may be text."""
    for magic, name, remedy in _MAGIC:
        if head.startswith(magic):
            return Problem(None, f"this is {name}", None, remedy)
    if head[:200].count(b"\x00") > len(head[:200]) // 4:
        remedy = "Store the file as UTF-8 (UTF-16 without a byte order mark looks like this)."
        return Problem(None, "this is not UTF-8 text: it is full of NUL bytes", None, remedy)
    return None


def foreign_text(head: bytes) -> Problem | None:
    """What a text file is that is not JSON Lines, by its first bytes; None if it may be."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    first_line, _, rest = text.partition(b"\n")
    first_line = first_line.strip()
    excerpt = first_line[:200].decode(errors="replace")
    if first_line.startswith((b'"{', b'"[', b'"\\"', *PYTHON_STARTS)) and not first_line.startswith(b'{"'):
        return None  # rows, written otherwise: `foreign_lines` sees whole lines
    if first_line.startswith(b"["):
        return _array(first_line, rest, excerpt)
    if first_line.startswith(b"{"):
        is_open = first_line.count(b"{") > first_line.count(b"}")
        if not rest or not is_open or not (first_line == b"{" or first_line.endswith((b"[", b","))):
            return None
        remedy = "Put each object on one line: `jq -c . FILE > FILE.jsonl`."
        return Problem(None, "this is JSON spread over many lines", excerpt, remedy)
    if text[:6].lower().startswith((b"<!", b"<?xml", b"<html")):
        return Problem(None, "this is HTML or XML", excerpt, "Was a web page saved instead?")
    if text.startswith((b"---\n", b"---\r\n", b"- role:", b"- messages:", b"messages:")):
        return Problem(
            None, "this is YAML", excerpt, "Convert it: `yq -o=json -I=0 '.[]' FILE > FILE.jsonl`."
        )
    return _table(first_line, rest, excerpt) or _prose(first_line, rest, excerpt)


def _array(first_line: bytes, rest: bytes, excerpt: str) -> Problem | None:
    """One array, on a line or over many; a file with an array on each line is left to DS016, line by line."""
    if first_line.endswith(b"]") and (rest.strip() or b"{" not in first_line):
        return None
    if first_line.lstrip(b"[ \t").startswith(b"{'"):
        remedy = "Read it with `ast.literal_eval`, and write each row with `json.dumps(row)` as a line."
        return Problem(None, "this is a list as Python prints it, not JSON", excerpt, remedy)
    return Problem(None, "this is one JSON array", excerpt, "Convert it: `jq -c '.[]' FILE > FILE.jsonl`.")


def _table(first_line: bytes, rest: bytes, excerpt: str) -> Problem | None:
    second_line = rest.partition(b"\n")[0].strip()
    for separator, name in ((b",", "comma"), (b"\t", "tab"), (b";", "semicolon")):
        columns = [c.strip(b' "').lower() for c in first_line.split(separator)]
        is_known = len(columns) >= 2 and set(columns) & _COLUMNS
        is_regular = (
            len(columns) >= 2 and b" " not in first_line and second_line.count(separator) >= len(columns) - 1
        )
        if is_known or is_regular:
            remedy = (
                'Convert each record to {"messages": [{"role": "user", ...}, {"role": "assistant", ...}]}.'
            )
            return Problem(None, f"this is a {name}-separated table", excerpt, remedy)
    return None


def _prose(first_line: bytes, rest: bytes, excerpt: str) -> Problem | None:
    """Text that is not JSON at all: the first lines begin with letters."""
    lines = [line.strip() for line in (first_line, *rest.split(b"\n")[:3]) if line.strip()]
    is_text = bool(lines) and all(
        line[:1].isalpha() and line not in {b"null", b"true", b"false", b"NaN", b"Infinity"} for line in lines
    )
    if not is_text:
        return None
    remedy = (
        'Write one JSON object per line: {"messages": [{"role": "user", ...}, {"role": "assistant", ...}]}.'
    )
    return Problem(None, "this is plain text", excerpt, remedy)


_COLUMNS: Final = frozenset(
    {
        b"prompt",
        b"completion",
        b"instruction",
        b"question",
        b"answer",
        b"input",
        b"output",
        b"response",
        b"text",
        b"label",
    }
    | {b"user", b"assistant", b"messages"}
)

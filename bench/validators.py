"""Gives the corpus to the peers and writes what they find: `make bench WHAT=validators`.

The result is `bench/validators.json`; `docs/generate.py` makes the tables of docs/validators.md of it.  Each rule is tried with
the files of `tests/corpus` that break it alone, else with those that break it among others, else with the examples of its
documentation; where these have lowered limits, with a file of the real size.  An answer counts as found if the peer says
something that it does not say of the same file without the rows that are wrong.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.cases import PEERS as PEERS_PYTHON
from bench.cases import ROOT
from bench.large import LARGE, TWINS
from bench.sayings import PEERS
from bench.validators_page import shape
from shared.core.dataset.rules import RULES
from tests.core.dataset.examples import files_of, read

CORPUS: Final = ROOT / "tests" / "corpus"
RESULTS: Final = Path(__file__).with_name("validators.json")
#: Public sets, beside the repository.
_DATA: Final = ROOT.parent / "shared" / "data"
#: Options of examples that lower a limit, so that a small file breaks the rule for us alone.
_LOWERED: Final = frozenset(
    {"line_bytes", "file_bytes", "upload_bytes", "tokens", "job_tokens", "image_examples", "rows", "counted"}
)
#: Rules that no file can show to a peer, and why.
NOT_RUN: Final = {
    "DS009": "a file that is not there",
    "DS064": "a file that is not there",
    "DS071": "2 billion tokens",
    "DS092": "needs our quarantine",
    "DS094": "needs our `evaluation.set`",
    "DS097": "about our own report",
    "DS105": "about our own split",
    "DS106": "about our own comparison",
}
_ROWS_OF: Final = {
    "supervised": [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]}
        for q, a in (("Which river flows through Lyon?", "The Rhone."), ("What do bees make?", "Honey."))
    ],
    "dpo": [
        {
            "input": {"messages": [{"role": "user", "content": "Name a primary colour."}]},
            "preferred_output": [{"role": "assistant", "content": "Red."}],
            "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
        }
    ],
    "reinforcement": [{"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}],
}


@dataclass(slots=True)
class Work:
    """The files that the peers are given.

    Attributes:
        folder: where files are made.
        jobs: id and files of each dataset.
        twins: of a dataset, the same without what is wrong.
        about: datasets of each rule.
    """

    folder: Path
    jobs: dict[str, dict[str, str]] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)
    about: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, files: dict[str, bytes | Path]) -> str:
        """A dataset; equal ones are given once."""
        contents = {
            role: data.read_bytes() if isinstance(data, Path) else data for role, data in files.items()
        }
        key = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:16]
        made = f"{name.partition(':')[0]}:{key}" if name.startswith("twin") else name
        if made not in self.jobs:
            place = self.folder / hashlib.sha256(made.encode()).hexdigest()[:16]
            place.mkdir(exist_ok=True)
            self.jobs[made] = {}
            for role, data in contents.items():
                path = place / f"{role}.jsonl"
                path.write_bytes(data)
                self.jobs[made][role] = str(path)
        return made

    def try_rule(self, code: str, name: str, files: dict[str, Any], twin: dict[str, Any]) -> None:
        """A dataset that breaks a rule, and one that does not."""
        made = self.add(name, files)
        self.twins[made] = self.add("twin:", twin)
        self.about[code].append(made)


def fingerprint() -> str:
    """What the results depend on of ours: the files of the corpus, and demands and examples of the rules."""
    digest = hashlib.sha256()
    for path in sorted(CORPUS.glob("*/*")):
        digest.update(f"{path.parent.name}/{path.name}\n".encode() + path.read_bytes())
    for code, rule in sorted(RULES.items()):
        digest.update("\n".join((code, rule.title, rule.examples)).encode())
    return digest.hexdigest()


def _plain(method: str) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in _ROWS_OF[method])


def _without(path: Path, lines: Iterable[int]) -> bytes:
    """A file without some of its lines; without any, good rows of the same kind."""
    kept = [
        line
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1)
        if number not in set(lines) and line.strip()
    ]
    return b"".join(kept) or _plain(path.parent.name)


def _findings(path: Path) -> list[tuple[str, str, int | None]]:
    """Code, severity and line of each finding that a file of the corpus has."""
    text = path.with_suffix(".findings").read_text("utf-8")
    rows = [line.split(" ") for line in text.splitlines() if not line.startswith("#")]
    return [(code, severity, None if line == "-" else int(line)) for code, severity, line, *_ in rows]


def _corpus(work: Work) -> list[str]:
    """Add the files of the corpus; those without a finding are returned."""
    alone: dict[str, list[Path]] = defaultdict(list)
    among: dict[str, list[Path]] = defaultdict(list)
    good = []
    for path in sorted(CORPUS.glob("*/*.jsonl")):
        codes = {code for code, _, _ in _findings(path)}
        if not codes:
            good.append(work.add(f"{path.parent.name}/{path.stem}", {"training": path}))
        for code in codes:
            (alone if len(codes) == 1 else among)[code].append(path)
    for code in RULES:
        for path in alone[code] or among[code]:
            lines = [line for _, _, line in _findings(path)]
            kept = _plain(path.parent.name) if None in lines else _without(path, lines)
            if _is_about_the_file(path):
                kept = _plain(path.parent.name)
            work.try_rule(code, f"{path.parent.name}/{path.stem}", {"training": path}, {"training": kept})
    return good


def _is_about_the_file(path: Path) -> bool:
    return bool(
        {code for code, _, _ in _findings(path)} & {"DS001", "DS010", "DS020", "DS021", "DS022", "DS023"}
    )


def _examples(work: Work) -> None:
    """Rules that no file of the corpus breaks: their examples, or a file of the real size."""
    for code, rule in RULES.items():
        if work.about[code] or code in NOT_RUN:
            continue
        if code in LARGE:
            path = work.folder / f"{code}.jsonl"
            LARGE[code](path)
            work.jobs[f"{code}/large"] = {"training": str(path)}
            work.twins[f"{code}/large"] = work.add(
                "twin:", {"training": TWINS.get(code) or _plain("supervised")}
            )
            work.about[code].append(f"{code}/large")
            continue
        examples = read(rule.examples)
        twin = next(example for example in examples if not example.is_bad)
        for number, example in enumerate(example for example in examples if example.is_bad):
            if not example.options.keys() & _LOWERED:
                work.try_rule(
                    code,
                    f"{code}/example {number + 1}",
                    {role.value: data for role, data in files_of(example).items()},
                    {role.value: data for role, data in files_of(twin).items()},
                )


def _samples(work: Work) -> list[str]:
    """Public sets that are known to train, where they lie beside the repository."""
    return [
        work.add(f"{path.parent.name}/{path.name}", {"training": path})
        for path in sorted(_DATA.glob("*-*/*.jsonl"))
    ]


def _answers(work: Work, peer: str) -> dict[str, dict[str, Any]]:
    """What a peer says of every dataset; where its process dies, that is what it says."""
    python = str(PEERS_PYTHON) if PEERS[peer].package else sys.executable
    jobs, out = work.folder / f"{peer}-jobs.json", work.folder / f"{peer}-says.jsonl"
    listed = [{"id": name, "files": files} for name, files in work.jobs.items()]
    jobs.write_text(json.dumps(listed), "utf-8")
    out.touch()
    while (done := out.read_text("utf-8").count("\n")) < len(listed):
        print(f"{peer}: {len(listed) - done} datasets", file=sys.stderr)
        ended = subprocess.run(
            [python, "-m", "bench.sayings", peer, str(jobs), str(out)], cwd=ROOT, check=False
        )
        if ended.returncode:
            name = listed[out.read_text("utf-8").count("\n")]["id"]
            with out.open("a", encoding="utf-8") as file:
                file.write(
                    json.dumps({"id": name, "raised": f"the process ends ({ended.returncode})"}) + "\n"
                )
    lines = map(json.loads, out.read_text("utf-8").splitlines())
    return {line.pop("id"): line for line in lines}


def judged(answer: dict[str, Any], twin: dict[str, Any]) -> tuple[str, str]:
    """What an answer amounts to, and its first words that count: `n/a`, `stops`, `found` or `silent`.

    Args:
        answer: what a peer says of a dataset.
        twin: what it says of the same without what is wrong; objections to that are no credit.
    """
    if "raised" in twin:
        return "n/a", ""
    if "raised" in answer:
        return "stops", answer["raised"]
    if more := _more(answer["said"], twin["said"]):
        return "found", more
    return ("n/a" if twin["said"] else "silent"), ""


def _more(said: list[str], before: list[str]) -> str:
    """The first words that were not said before, numbers left out of account."""
    known = set(map(shape, before))
    return next((words for words in said if shape(words) not in known), "")


def _of_rule(names: list[str], work: Work, answers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    verdicts = [judged(answers[name], answers[work.twins[name]]) for name in names]
    counts = Counter(what for what, _ in verdicts)
    words = {
        what: Counter(said for kind, said in verdicts if kind == what).most_common(1)[0][0]
        for what in ("found", "stops")
        if counts[what]
    }
    return {"counts": dict(sorted(counts.items())), "words": words}


def _of_good(answer: dict[str, Any]) -> str:
    """What a peer says against a good dataset; empty if nothing."""
    if "raised" in answer:
        return f"stops: {answer['raised']}"
    return (
        answer["said"][0] + (f" ({answer['count']} times)" if answer["count"] > 1 else "")
        if answer["said"]
        else ""
    )


def _rows(path: str) -> int:
    with Path(path).open("rb") as file:
        return sum(1 for line in file if line.strip())


def _versions() -> Iterator[tuple[str, dict[str, str]]]:
    asking = "from bench.sayings import PEERS; import json; print(json.dumps({n: p.version for n, p in PEERS.items()}))"
    done = subprocess.run(
        [str(PEERS_PYTHON), "-c", asking], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name, number in json.loads(done.stdout).items():
        yield name, {"title": PEERS[name].title, "version": number, "about": PEERS[name].about}


def main() -> None:
    """Run all peers over everything, and write the results."""
    if not PEERS_PYTHON.exists():
        sys.exit("the peers are not installed: `make bench WHAT=validators` installs them")
    with tempfile.TemporaryDirectory() as folder:
        work = Work(Path(folder))
        good = _corpus(work)
        _examples(work)
        samples = _samples(work)
        with ThreadPoolExecutor(max_workers=2) as pool:
            answers = dict(zip(PEERS, pool.map(lambda peer: _answers(work, peer), PEERS), strict=True))
        rules = {
            code: {
                "datasets": len(names),
                **{peer: _of_rule(names, work, answers[peer]) for peer in PEERS},
            }
            for code in RULES
            if (names := work.about[code])
        }
        results = {
            "day": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "python": platform.python_version(),
            "fingerprint": fingerprint(),
            "peers": dict(_versions()),
            "rules": rules,
            "not_run": NOT_RUN,
            "good": {name: {peer: _of_good(answers[peer][name]) for peer in PEERS} for name in good},
            "false_alarms": {
                peer: sorted(
                    {
                        shape(words)
                        for name in (*good, *samples)
                        for words in answers[peer][name].get("said", ())
                    }
                )
                for peer in PEERS
            },
            "samples": {
                name: {
                    "rows": _rows(work.jobs[name]["training"]),
                    **{peer: _of_good(answers[peer][name]) for peer in PEERS},
                }
                for name in samples
            },
        }
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()

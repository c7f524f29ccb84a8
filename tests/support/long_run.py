"""A run that was measured, and one with lists as long as they may become."""

import msgspec

from shared.core import artifacts
from shared.core.dataset.findings import Finding
from shared.core.dataset.rulebook import Severity
from shared.core.evaluation.scorecard import Comparison
from shared.core.history import Event, told_of_vote
from shared.core.run import GateDecision, Status
from shared.run_folder import RunFolder
from shared.views.runs import Found
from tests.core.scenarios import at_deployment_gate
from tests.support.builders import NOW
from tests.support.product import PIPELINE, Product, dataset
from tests.twins.world import TwinWorld

ODD = (
    b'{"messages": [{"role": "user", "content": " canary "},'
    b' {"role": "assistant", "content": "canary<|end|>", "weight": 1.0}]}\n'
)


def measured_product():
    """A product whose run waits at its deployment gate, with findings that have excerpts."""
    made = Product()
    on_issue = "dataset: {quarantine_max_share: 0.5, on_issue: {DS048: repair, DS041: repair}}\n"
    made.world.pipeline_files.put("boxes.yaml", PIPELINE + on_issue)
    made.world.datasets.put("boxes/training.jsonl", dataset(120) + ODD)
    made.run = made.until(Status.AWAITING_APPROVAL, Status.NOT_PROMOTED, Status.FAILED, Status.INVALID)
    assert made.run.evaluation is not None, made.run.failure
    return made


def finding(number, text="x"):
    return Finding(
        code=f"DS{number % 90:03d}",
        severity=Severity.WARNING if number % 3 else Severity.ERROR,
        file="boxes/a/rather/long/name/of/a/training.jsonl",
        line=number,
        path=f"messages[{number}].content[0].text {text}",
        message=f"expected something that takes as many words as most messages take, found {text} in row {number}",
        remedy="Say it otherwise, or write `on_issue: {default: repair}` into the pipeline file, and drop it again.",
        excerpt=f"{text} {'word ' * 15}"[:80],
    )


def event(number, text="x"):
    return Event(
        sequence=number,
        at=NOW,
        kind="trouble",
        after="CreateJob",
        detail=f"throttled: the service answered that there are too many requests, {text}, try {number}; come back in a while",
        app_version="0.3.0",
    )


def long_run(texts=("x",), count=1000, events=10_000, *, of=None):
    """Twins with one run that has very long lists, votes, curves; and a comparison like that of another one."""
    world = TwinWorld()
    gate, text = at_deployment_gate().gates["deployment"], texts[0]
    said = {"person": "p", "name": f"Ada {text}"[:60], "digest": gate.digest, "at": NOW}
    words = [texts[at % len(texts)][: 1000 if text.isascii() else 200] for at in range(20)]
    holds = tuple(GateDecision(decision="hold", comment=comment, **said) for comment in words)
    gate = msgspec.structs.replace(gate, holds=holds, reason=f"asked because {text}")
    run = at_deployment_gate().evolve(
        gates={"deployment": gate}, revision=events, warnings=texts[:20], trouble=f"busy: {text}"
    )
    lines = [event(number, texts[number % len(texts)]) for number in range(1, events + 1)]
    for at, held in enumerate(
        holds[:events], start=-min(20, events)
    ):  # without its line a hold does not count
        told = told_of_vote("deployment", held)
        lines[at] = msgspec.structs.replace(
            lines[at], kind="hold", after="hold", detail=told, comment=held.comment, person="p"
        )
    world.runs.insert(run, lines)
    folder = RunFolder(world.artifacts, run.id)
    findings = tuple(finding(number, texts[number % len(texts)]) for number in range(count))
    folder.write_json(artifacts.REPORT, Found(findings=findings, pipeline_notes=texts[:20]))
    steps = "".join(f"{step},{3 - step / 5000},{2.5 + step % 7}\n" for step in range(10 * count))
    folder.write(artifacts.training_results(0), b"step,train_loss,valid_loss\n" + steps.encode())
    if of is not None:
        raw = RunFolder(of.world.artifacts, of.run.id).read(artifacts.COMPARISON)
        known = msgspec.json.decode(raw, type=Comparison)
        rows = tuple(compared(known.rows[0], number, texts[number % len(texts)]) for number in range(200))
        folder.write_json(artifacts.COMPARISON, msgspec.structs.replace(known, rows=rows, notes=texts[:20]))
    return world, run


def compared(row, number, text):
    """An item with these words everywhere."""
    return msgspec.structs.replace(
        row,
        index=number,
        prompt=text,
        reference=text,
        answers={side: f"{side} {text}" for side in row.answers},
        slices=(text,),
        known_to=(),
    )

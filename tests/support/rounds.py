"""Datasets that are dropped one after another into one pipeline, and what their evaluations show."""

import json

import msgspec

from shared.core import artifacts
from shared.core.run import Status
from shared.run_folder import RunFolder
from tests.support.product import PIPELINE, Product, dataset

EXACT = '{type: string_check, name: exact, operation: eq, input: "{{sample.output_text}}", reference: "{{item.reference}}"}'
JUDGED = PIPELINE.replace("base}]}", f"base}}], graders: [{EXACT}]}}").replace("[{dep", "[champion, {dep")
#: All rows that are not held out are trained on.
WHOLE = JUDGED + "dataset: {validation: {split: 0}}\n"
ENDS = (Status.AWAITING_APPROVAL, Status.NOT_PROMOTED, Status.DEPLOYED, Status.INVALID, Status.FAILED)


class Rounds(Product):
    """Datasets that are dropped one after another, each brought to its gate or end."""

    def __init__(self, pipeline=WHOLE):
        super().__init__()
        self.world.pipeline_files.put("boxes.yaml", pipeline)

    def round(self, training, evaluation=None, *ends):
        """Drop a dataset, and an evaluation file beside it; the run at its end."""
        if evaluation is not None:
            self.world.datasets.put("boxes/evaluation.jsonl", evaluation)
        self.world.datasets.put("boxes/training.jsonl", training)
        self.world.clock.advance(60)
        return self.until(*(ends or ENDS))

    def deployed(self, training, evaluation=None):
        run = self.round(training, evaluation)
        assert run.status is Status.AWAITING_APPROVAL, run.evaluation or run.failure
        self.approve(run)
        return self.until(Status.DEPLOYED)

    def folder(self, run):
        return RunFolder(self.world.artifacts, run.id)

    def forget(self, run, *kinds):
        """Let a run be as if an older release had not stored something."""
        for artifact in kinds:
            del self.world.artifacts._blobs[f"runs/{run.id}/{artifact.name}"]
        names = {artifact.name for artifact in kinds}
        self.remember(run.id, lambda known: {name: one for name, one in known.items() if name not in names})

    def store(self, run_id, artifact, data):
        """Let a run be as if the app itself had stored something else."""
        folder = RunFolder(self.world.artifacts, run_id)
        folder.write(artifact, data)
        self.remember(run_id, lambda known: known | folder.written)

    def remember(self, run_id, change):
        """Change what the row of a run knows of its artifacts, under the hands of whoever is at work on it."""
        _, version = self.world.runs._rows[run_id]
        run = self.world.runs.load(run_id)[0]
        self.world.runs._rows[run_id] = (
            msgspec.json.encode(run.evolve(evidence=change(run.evidence))),
            version,
        )

    def left_out(self, run):
        """Side -> indexes of the examples that its model knows."""
        lines = map(json.loads, self.folder(run).read(artifacts.SCORES).splitlines())
        found = {}
        for line in lines:
            found.setdefault(line["side"], set()).update([line["index"]] if line.get("left_out") else [])
        return found

    def contests(self, run):
        summary = json.loads(self.folder(run).read(artifacts.EVALUATION_SUMMARY))
        plan = json.loads(self.folder(run).read(artifacts.PLAN))
        return {plan["labels"][contest["baseline"]]: contest for contest in summary["contests"]}


def rows(*numbers):
    """Some rows of the dataset, by number."""
    lines = dataset(max(numbers) + 1).splitlines(keepends=True)
    return b"".join(lines[number] for number in numbers)

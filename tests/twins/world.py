"""All twins together, around one clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.twins.account import TwinAccount
from tests.twins.blobs import TwinArtifacts, TwinDatasetSource, TwinPipelineFiles
from tests.twins.clock import TwinClock
from tests.twins.deployments import TwinDeployer
from tests.twins.foundry import TwinFiles, TwinInference, TwinTrainer
from tests.twins.pipeline_tables import TwinClaims, TwinPipelines
from tests.twins.tables import TwinRunIndex, TwinRunStore

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@dataclass(kw_only=True)
class TwinWorld:
    """A `ports.World` in memory.  Jobs and deployments move by themselves, one step at each look, unless told otherwise."""

    clock: TwinClock = field(default_factory=lambda: TwinClock(START))
    runs: TwinRunStore = field(default_factory=TwinRunStore)
    index: TwinRunIndex = field(default_factory=TwinRunIndex)
    claims: TwinClaims = field(default_factory=TwinClaims)
    pipelines: TwinPipelines = field(default_factory=TwinPipelines)
    pipeline_files: TwinPipelineFiles = field(default_factory=TwinPipelineFiles)
    artifacts: TwinArtifacts = field(default_factory=TwinArtifacts)
    deployer: TwinDeployer = field(default_factory=TwinDeployer)

    def __post_init__(self) -> None:
        """The twins that need the clock or one another."""
        self.datasets = TwinDatasetSource(self.clock)
        self.files = TwinFiles(self.clock)
        self.trainer = TwinTrainer(self.clock, self.files, is_stepping=True)
        self.inference = TwinInference(self.deployer)
        self.account = TwinAccount(self.deployer)

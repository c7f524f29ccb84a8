"""How the files of tests are spread over processes, and which of them begin first."""

from xdist.scheduler import LoadFileScheduling

#: Files of one process, since they share a local cloud, which takes long to start and is never idle.
ONE_CLOUD = (
    "tests/e2e/test_command_line.py",
    "tests/e2e/test_defaults.py",
    "tests/e2e/test_deployed.py",
    "tests/e2e/test_judged.py",
    "tests/e2e/test_once.py",
    "tests/e2e/test_open_models.py",
    "tests/e2e/test_methods.py",
    "tests/e2e/test_page.py",
    "tests/e2e/test_refused.py",
)
#: Files that take long: begun first, or one process would be at the last of them while the others have nothing left to do.
#: A process has two files at a time if the first has one or two tests: those with few are not followed by one that takes long.
LONG = (
    *ONE_CLOUD,
    "tests/simulation/test_enumeration.py",
    "tests/simulation/test_seeds.py",
    "tests/local/host/test_host.py",
    "tests/e2e/test_kill.py",
    "tests/golden/test_runs.py",
    "tests/golden/test_next_release.py",
    "tests/simulation/test_storms.py",
    "tests/simulation/test_mutants.py",
    "tests/golden/test_datasets.py",
    "tests/local/foundry/test_memory.py",
    "tests/contracts/test_completeness.py",
)


class ByFile(LoadFileScheduling):
    """A file of tests stays in one process, and so do those that share a cloud."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "tests/e2e" if file in ONE_CLOUD else file

"""Mutation testing of what decides about money and deployments: `make mutants`.

mutmut changes one thing at a time in the modules that pyproject.toml names, and runs the core's tests on each change.  Those that
no test notices are listed; docs/reliability.md says why each may stay.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.figures import record

ROOT = Path(__file__).parents[1]
MUTMUT = str(Path(sys.executable).parent / "mutmut")
KILLED_SHARE_MIN = 0.95


def main():
    """Run all mutants; exit 1 if too many survive."""
    subprocess.run([MUTMUT, "run"], cwd=ROOT, check=True)
    subprocess.run([MUTMUT, "export-cicd-stats"], cwd=ROOT, check=True)
    counts = json.loads((ROOT / "mutants" / "mutmut-cicd-stats.json").read_text())
    killed, total = counts["killed"] + counts["timeout"], counts["total"]
    print(subprocess.run([MUTMUT, "results"], cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    print(f"{killed} of {total} mutants killed: {killed / total:.1%}")
    record("mutation testing", mutants_killed=killed, mutants=total)
    sys.exit(killed / total < KILLED_SHARE_MIN)


if __name__ == "__main__":
    main()

"""Repeat one simulation: `python -m tests.simulation --seed N --profile strict --trace`."""

import argparse
import sys

from tests.simulation.campaign import scenario
from tests.simulation.sabotage import PROFILE
from tests.simulation.scenario import PROFILES
from tests.simulation.simulation import simulate

parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--profile", choices=(*PROFILES, PROFILE), default="strict")
parser.add_argument("--trace", action="store_true", help="print every call, death and transition")
parser.add_argument("--digest", action="store_true", help="print the digest of the trace only")
given = parser.parse_args()
result = simulate(scenario(given.seed, given.profile), is_tracing=given.trace)
if given.digest:
    print(result.digest)
    sys.exit()
print("\n".join(result.trace))
print(
    f"{result.calls} calls, {result.hours:.1f} simulated hours, {dict(result.statuses)}, digest {result.digest}"
)
print(f"faults: {dict(result.faults)}\nseen: {dict(result.seen)}")
print(f"violation: {result.violation}" if result.violation else "no violation")
sys.exit(1 if result.violation else 0)

"""What an effect showed is remembered in the row, before anything follows from it.

A file says only what its last writer wrote.  So nothing is concluded from a file alone: it is compared with what the row
remembers.
"""

from __future__ import annotations

from datetime import datetime

from shared.core.decision import Decision
from shared.core.observations import Proof
from shared.core.run import Run


def remember(run: Run, proof: Proof, now: datetime) -> Decision:
    """The run that knows what its effect stored and found out; it is looked at again at once."""
    kept = {name: sha256 for name, sha256 in run.evidence.items() if not name.startswith(proof.forgets)}
    found = run.evolve(
        evidence=kept | proof.files,
        warnings=run.warnings + proof.warnings,
        evaluation=proof.evaluation or run.evaluation,
        smoke=proof.smoke or run.smoke,
        due_at=now,
    )
    if proof.summary:
        found = found.evolve(summary=proof.summary, is_to_prepare=False)
    return Decision(run=found)

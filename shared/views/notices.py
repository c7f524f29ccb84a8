"""What a page says after something was done.  An address names a sentence, and never has a text of its own that is shown."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

NOTICES: Final = MappingProxyType(
    {
        "approve": "Your approval is recorded.",
        "reject": "Your rejection is recorded. The run ends, and nothing is deployed.",
        "hold": "What you asked is recorded and shown at the gate. The gate stays open, and its time runs on.",
        "withdraw": "Your approval is withdrawn. You may decide again.",
        "cancel": "The run is asked to stop: it ends at its next step. If it has a job, that is cancelled first.",
        "retry": "The run goes back to work.",
        "rejudge": "The run is being judged again by the pipeline file of today.",
        "before": "The same was recorded before; nothing changed.",
    }
)

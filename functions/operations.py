"""What a route takes and answers: the document at /api/openapi.json is made of this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from shared.core import naming
from shared.core.errors import FinetuneError
from shared.core.roles import Right
from shared.core.status import GateName


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a path or query, or a header.

    Attributes:
        name: as it is sent.
        shape: type of its values.
        about: what it is for.
    """

    name: str
    shape: Any
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A route, beside what is the same for all.

    Attributes:
        needs: the right that is needed; None: everybody may ask.
        gives: type of the answer; None: the bytes of a file, of the types in `gives_files`.
        status: of the answer.
        takes: type of the body, which may be left out if all of its keys may; None: there is none.
        query: what may stand behind the question mark.
        refuses: errors with which it may answer, beside those that each route has.
        gives_files: content types.
    """

    needs: Right | None
    gives: type[msgspec.Struct] | None
    status: int = 200
    takes: type[msgspec.Struct] | None = None
    query: tuple[Parameter, ...] = ()
    refuses: tuple[type[FinetuneError], ...] = ()
    gives_files: tuple[str, ...] = ()


_RunId = Annotated[str, msgspec.Meta(pattern=f"^{naming.RUN_ID.pattern}$")]
_PipelineName = Annotated[str, msgspec.Meta(pattern=f"^{naming.PIPELINE_NAME.pattern}$")]
#: Parts of paths by the way in which routes write them.
PARTS: Final = {
    "{run_id}": Parameter("run_id", _RunId, "Id of a run."),
    "{gate}": Parameter("gate", GateName, "A gate."),
    "{name}": Parameter("name", _PipelineName, "Name of a pipeline."),
    "{*name}": Parameter("name", str, "Name of an artifact, as the run lists it; it may have slashes."),
}

"""App roles: who may read, vote, and send runs on or stop them."""

from __future__ import annotations

from enum import Enum

import msgspec

from shared.core.errors import Forbidden
from shared.core.people import Person


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the app roles, by what they are for; each of the first three reads."""

    reader: str = "FineTune.Reader"
    approver: str = "FineTune.Approver"
    operator: str = "FineTune.Operator"
    data: str = "FineTune.Approver"
    """The one of them whose holders may see rows of datasets."""


class Right(Enum):
    """What somebody wants to do."""

    READ = "read"
    VOTE = "decide"
    OPERATE = "cancel, retry or judge again"

    @property
    def is_to_act(self) -> bool:
        """Whether something changes: only a person does that, and only from the app's own pages or without a browser."""
        return self is not Right.READ

    def given_by(self, roles: Roles) -> tuple[str, ...]:
        """The roles of which one is needed; whoever has no role asks for the first."""
        named = {
            Right.READ: (roles.reader, roles.approver, roles.operator),
            Right.VOTE: (roles.approver,),
            Right.OPERATE: (roles.operator, roles.approver),
        }
        return tuple(dict.fromkeys(named[self]))


def insist(person: Person, right: Right, roles: Roles) -> Person:
    """See to it that somebody may do what they want.

    Returns:
        The person, with the role by which they may.

    Raises:
        Forbidden: naming the role that is missing; or an application wants what only persons may do.
    """
    if right.is_to_act and person.is_application:
        msg = f"{person.name} is an application, or cannot be told from one; only persons may {right.value}"
        remedy = "Sign in as yourself; an application may hold the role that reads."
        raise Forbidden(msg, remedy=remedy)
    needed = right.given_by(roles)
    role = next((role for role in needed if role in person.roles), None)
    if role is None:
        named = (
            f"the app role {needed[0]}" if len(needed) == 1 else f"any of the app roles {', '.join(needed)}"
        )
        msg = f"{person.name} does not have {named}"
        raise Forbidden(msg, remedy=f"Ask an administrator for the app role {needed[0]}.")
    return msgspec.structs.replace(person, role=role)

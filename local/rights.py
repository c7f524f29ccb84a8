"""Who may do what in Azure: the roles that the templates give (infra/snapshots), and what each role allows.

What Microsoft's roles allow is a dated record, `infra/built-in-roles.json`; roles of our own stand in the snapshots.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

INFRA: Final = Path(__file__).parents[1] / "infra"
#: Where nothing else is chosen, rights are those of a first deployment.
FIRST: Final = INFRA / "snapshots" / "first.snapshot.json"
#: Who signs in without naming an identity: a person who may do everything.
OWNER: Final = "owner"

ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"
DEFINITION: Final = "Microsoft.Authorization/roleDefinitions"
_WHO: Final = re.compile(r"outputs\.(\w+)PrincipalId|id-(\w+)-\w+', '[\d-]+'\)\.principalId|(/systemTopics/)")
_EXTENSION: Final = re.compile(r"\[(?:subscriptionR|extensionR)esourceId\('([^']+)'")


def client_id(name: str) -> str:
    """The client id of one of the app's identities, `host` or `deployer`, on this machine."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"local-cloud-identity/{name}"))


def who(principal: str) -> str:
    """`host`, `deployer`, `publisher` or `topic` for an expression of the compiler; an id that was given as it is."""
    if not principal.startswith("["):
        return principal
    found = _WHO.search(principal)
    if found is None:
        msg = f"whose principal is {principal}?"
        raise ValueError(msg)
    return found[1] or found[2] or "topic"


def role_of(assignment: dict[str, Any]) -> str:
    """The id (GUID) of the role that an assignment gives."""
    return str(assignment["properties"]["roleDefinitionId"]).rpartition("/")[2].rstrip("')]")


def scope_of(assignment: dict[str, Any]) -> str:
    """The id of what a role assignment is for."""
    found = _EXTENSION.search(assignment["id"])
    if found and assignment["id"].startswith("[subscriptionResourceId"):
        return f"/subscriptions/{found[1]}"
    return found[1] if found else str(assignment["id"]).partition(f"/providers/{ASSIGNMENT}")[0]


@dataclass(frozen=True, slots=True)
class Role:
    """What a role allows; `*` stands for any text.

    Attributes:
        actions: of Resource Manager.
        data_actions: of the services themselves.
        not_actions: what is taken away again from the actions.
        not_data_actions: what is taken away again from the data actions.
    """

    actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    @classmethod
    def read(cls, permissions: dict[str, Any]) -> Self:
        """From one object with `actions`, `notActions`, `dataActions` and `notDataActions`."""
        keys = ("actions", "dataActions", "notActions", "notDataActions")
        return cls(*(tuple(permissions.get(key) or ()) for key in keys))

    def allows(self, action: str, *, is_data: bool) -> bool:
        """Whether the role allows an action; case does not count."""
        given = self.data_actions if is_data else self.actions
        taken = self.not_data_actions if is_data else self.not_actions
        return _covers(given, action) and not _covers(taken, action)


def _covers(patterns: Iterable[str], action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE)
        for pattern in patterns
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody holds.

    Attributes:
        who: name of the identity, see `who`.
        scope: id of the resource for which, and below which, it holds.
        role_id: id of the role.
    """

    who: str
    scope: str
    role_id: str


class Rights:
    """The roles of one deployment."""

    def __init__(self, grants: Iterable[Grant], roles: dict[str, Role]) -> None:
        self.grants = tuple(grants)
        self._roles = roles
        self.project = next(grant.scope for grant in self.grants if "/projects/" in grant.scope)
        self.account = self.project.partition("/projects/")[0]
        self.subscription = "/".join(self.project.split("/")[:3])

    @classmethod
    def of(cls, snapshot: dict[str, Any], defined: Mapping[str, Role] = MappingProxyType({})) -> Self:
        """Those that a deployment gives, by what it would send.

        Args:
            snapshot: what it would send.
            defined: roles that somebody else defined, by id.
        """
        sent = snapshot["predictedResources"]
        return cls(_grants(sent), built_in() | dict(_custom(sent)) | dict(defined))

    @classmethod
    def first(cls) -> Self:
        """Those of a first deployment."""
        return cls.of(json.loads(FIRST.read_text(encoding="utf-8")))

    def beside(self, given: Mapping[str, list[dict[str, Any]]]) -> Rights:
        """These, and what other identities are given.

        Args:
            given: client id -> roles, each with `scope` (`project`, `account` or `subscription`), `actions` and `dataActions`.
        """
        roles, grants = dict(self._roles), list(self.grants)
        for client, held in given.items():
            for number, role in enumerate(held):
                role_id = f"{client}/{number}"
                roles[role_id] = Role.read(role)
                grants.append(Grant(client, str(getattr(self, role["scope"])), role_id))
        return Rights(grants, roles)

    def may(self, identity: str, scope: str, action: str, *, is_data: bool) -> bool:
        """Whether an identity may do something to a resource.

        Raises:
            KeyError: if it holds a role there of which nobody wrote down what it allows.
        """
        return identity == OWNER or any(
            self._roles[grant.role_id].allows(action, is_data=is_data)
            for grant in self.grants
            if grant.who == identity and f"{scope}/".lower().startswith(f"{grant.scope}/".lower())
        )


def built_in() -> dict[str, Role]:
    """What Microsoft's roles allow, by id."""
    listed = json.loads((INFRA / "built-in-roles.json").read_text(encoding="utf-8"))["roles"]
    return {role_id: Role.read(role) for role_id, role in listed.items()}


def custom() -> dict[str, Role]:
    """What our own roles allow: `deployments`, `quota` and `inference`."""
    listed = json.loads((INFRA / "custom-roles.json").read_text(encoding="utf-8"))
    return {name: Role.read(role) for name, role in listed.items()}


def _custom(sent: list[dict[str, Any]]) -> Iterator[tuple[str, Role]]:
    for resource in sent:
        if resource["type"] == DEFINITION:
            (permissions,) = resource["properties"]["permissions"]
            yield resource["name"], Role.read(permissions)


def _grants(sent: list[dict[str, Any]]) -> Iterator[Grant]:
    for resource in sent:
        if resource["type"] == ASSIGNMENT:
            yield Grant(who(resource["properties"]["principalId"]), scope_of(resource), role_of(resource))

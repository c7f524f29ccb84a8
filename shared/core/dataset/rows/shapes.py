"""Which rules can find something in a talk: those about messages may name the shapes in which they can.

Messages have few shapes, and so have short talks: the rules for each are chosen once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from shared.core.dataset.format import CHAT_KEYS, KEYS_OF_ROLE, Message
from shared.core.dataset.memo import Memo
from shared.core.dataset.rulebook import Check, Content, Scope, Shape
from shared.core.dataset.rules.messages import has_calls

type Glance = tuple[tuple[str, ...], str, Content]
"""The fields of a `Shape`: a tuple of them is made in half of the time, which counts with many messages."""

#: Longer talks seldom have the shapes of another.
_KEPT_MAX: Final = 8
_KNOWN_KEYS: Final = frozenset().union(*KEYS_OF_ROLE.values(), CHAT_KEYS)
_CONTENTS: Final = {type(None): Content.NULL, list: Content.PARTS}


class Applicable(NamedTuple):
    """The rules that can find something in messages of a shape, or in talks with such a message; may it call functions?"""

    of_message: tuple[Check, ...]
    of_talk: tuple[Check, ...]
    may_call: bool


class Talk(NamedTuple):
    """What can be found in talks whose messages have the same shapes.

    Attributes:
        messages: positions of those in which something can be found, with the rules that can; None for one without a shape.
        together: the rules that can find something in all of them.
        roles: of those that have a shape, in order.
        letters: the first letter of each role, which stands for it in a fiftieth of the memory.
    """

    messages: Sequence[tuple[int, Applicable | None]]
    together: tuple[Check, ...]
    roles: Sequence[str]
    letters: str


class Shapes:
    """The shapes of the messages and talks of one file.

    Args:
        on: the rules that are on, by what they are about.
    """

    def __init__(self, on: Mapping[Scope, tuple[Check, ...]]) -> None:
        self._of_message, self._of_talk = on[Scope.MESSAGE], on[Scope.TALK] + on[Scope.PROMPT]
        self._messages: Memo[Glance, Applicable] = Memo()
        self._talks: Memo[tuple[Glance | None, ...], Talk] = Memo()

    def of(self, talk: list[Any]) -> Talk:
        """What can be found in a talk."""
        glances = tuple(map(glance_at, talk))
        if len(glances) > _KEPT_MAX:
            return self._talk_of(glances)
        known = self._talks.get(glances)
        if known is None:
            known = self._talk_of(glances)
            if all(map(_is_known, glances)):
                self._talks.keep(glances, known)
        return known

    def _talk_of(self, glances: Sequence[Glance | None]) -> Talk:
        messages: list[tuple[int, Applicable | None]] = []
        together: dict[Check, None] = {}
        roles: list[str] = []
        for at, glance in enumerate(glances):
            if glance is None:
                messages.append((at, None))
                continue
            roles.append(glance[1])
            applicable = self._messages.get(glance) or self._applicable_to(glance)
            if applicable.of_talk:
                together |= dict.fromkeys(applicable.of_talk)
            if applicable.of_message or applicable.may_call:
                messages.append((at, applicable))
        return Talk(messages, tuple(together), roles, "".join([role[0] for role in roles]))

    def _applicable_to(self, glance: Glance) -> Applicable:
        shape = Shape(*glance)
        applicable = Applicable(
            of_message=tuple(c for c in self._of_message if c.speaks is None or c.speaks(shape)),
            of_talk=tuple(c for c in self._of_talk if c.speaks is None or c.speaks(shape)),
            may_call=has_calls(shape),
        )
        return self._messages.keep(glance, applicable) if _is_known(glance) else applicable


def _is_known(glance: Glance | None) -> bool:
    """Whether it has no unknown key, which might be as long as a line: only then it is kept."""
    return glance is None or _KNOWN_KEYS.issuperset(glance[0])


def glance_at(message: Any) -> Glance | None:
    """The shape of a message; None if it is not an object, or if its role is not known."""
    if message.__class__ is not dict:
        return None
    role = message.get("role")
    if role.__class__ is not str or role not in KEYS_OF_ROLE:
        return None
    content = message.get("content")
    if content.__class__ is str:
        kind = Content.TEXT if content and not content.isspace() else Content.BLANK
    else:
        kind = _kind_of(message, content)
    return tuple(message), role, kind


def _kind_of(message: Message, content: Any) -> Content:
    if "content" not in message:
        return Content.MISSING
    if content == []:
        return Content.EMPTY
    return _CONTENTS.get(content.__class__, Content.OTHER)

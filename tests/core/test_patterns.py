"""No pattern of ours takes more than linear time, whatever the text: counted in steps of a matcher, not by a clock.

The product's own patterns run in `re`, which tries every way.  Here each is walked by a small matcher of the same kind, on
texts made of what the pattern itself is made of, and of twice the length: twice the steps are linear, four times are not.
"""

import ast
import importlib
import itertools
import pkgutil
import re
import sys
from pathlib import Path
from re import _constants as op
from re import _parser as parser

import pytest

import cli
import functions
import shared
from shared.core import naming
from shared.core.dataset.reading import foreign_lines
from shared.core.evaluation.similarity import _token
from shared.core.pipeline import reference

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

ROOT = Path(__file__).parents[2]
SHORT, LONG = 150, 300
#: Linear is twice; a little more is what begins and ends cost.
MOST = 2.6
STEPS_MAX = 200_000


def walk_modules():
    for package in (shared, functions, cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                yield importlib.import_module(module.name)


def patterns_in(value, depth=0):
    """Compiled patterns in a value of a module."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, dict):
        for below in value.values():
            yield from patterns_in(below, depth + 1)
    elif depth < 4 and isinstance(value, list | tuple | set | frozenset):
        for below in value:
            yield from patterns_in(below, depth + 1)


def written_patterns():
    """Patterns that stand as texts in calls: `re.fullmatch("...", ...)`, `section.text(..., pattern="...")`."""
    for room in ("shared", "functions", "cli"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                given = [keyword.value for keyword in node.keywords if keyword.arg == "pattern"]
                if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re":
                    given += node.args[:1]
                yield from (
                    g.value for g in given if isinstance(g, ast.Constant) and isinstance(g.value, str)
                )


def all_patterns():
    found = {
        p.pattern: p
        for module in walk_modules()
        for value in vars(module).values()
        for p in patterns_in(value)
    }
    found |= {text: re.compile(text) for text in written_patterns()}
    token = _token()
    return [p for p in (found | {token.pattern: token}).values() if p.pattern not in NOT_OF_OTHERS]


#: Patterns that are only matched from the first character of a text, and what reads nothing but texts of ours.
FROM_THE_START = {naming._COMPANION.pattern, foreign_lines._QUOTED.pattern}
NOT_OF_OTHERS = {reference._ENTRY.pattern}


class Steps:
    """Counts the steps of a matcher that goes back."""

    def __init__(self, most):
        self.count, self.most = 0, most

    def step(self):
        self.count += 1
        if self.count > self.most:
            raise OverflowError


class Matcher:
    """Matches as `re` does: each way after the other.  Ways are functions of what comes after."""

    def __init__(self, pattern, text, most):
        self.parsed, self.text, self.flags = (
            parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG),
            text,
            pattern.flags,
        )
        self.steps = Steps(most)
        self.known = {}
        self.is_anchored = pattern.pattern in FROM_THE_START

    def search(self):
        """How many steps a search takes that begins everywhere."""
        for start in range(1 if self.is_anchored else len(self.text) + 1):
            if self.seq(list(self.parsed), 0, start, lambda at: True):
                break
        return self.steps.count

    def seq(self, items, index, at, then):
        if index == len(items):
            return then(at)
        kind, value = items[index]
        rest = lambda after: self.seq(items, index + 1, after, then)
        self.steps.step()
        if kind in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
            least, most, below = value
            if kind is op.POSSESSIVE_REPEAT:
                return self.possessive(list(below), least, most, at, rest)
            return self.repeat(list(below), least, most, at, rest, lazy=kind is op.MIN_REPEAT)
        if kind is op.SUBPATTERN:
            return self.seq(list(value[3]), 0, at, rest)
        if kind is op.BRANCH:
            return any(self.seq(list(branch), 0, at, rest) for branch in value[1])
        if kind is op.ATOMIC_GROUP:
            ends = []
            return self.seq(list(value), 0, at, lambda end: ends.append(end) or True) and rest(ends[-1])
        if kind in {op.ASSERT, op.ASSERT_NOT}:
            return self.look(kind, value, at) and rest(at)
        if kind is op.AT:
            return self.place(value, at) and rest(at)
        return at < len(self.text) and self.one(kind, value, self.text[at]) and rest(at + 1)

    def look(self, kind, value, at):
        direction, below = value
        start = at if direction > 0 else at - below.getwidth()[0]
        found = start >= 0 and self.seq(list(below), 0, start, lambda end: direction > 0 or end == at)
        return bool(found) == (kind is op.ASSERT)

    def place(self, value, at):
        if value in {op.AT_BEGINNING, op.AT_BEGINNING_STRING}:
            return at == 0
        if value in {op.AT_END, op.AT_END_STRING}:
            return at == len(self.text)
        around = [
            0 <= place < len(self.text) and (self.text[place].isalnum() or self.text[place] == "_")
            for place in (at - 1, at)
        ]
        return (around[0] != around[1]) == (value is op.AT_BOUNDARY)

    def repeat(self, below, least, most, at, rest, *, lazy):
        """Repetitions of one character are walked in a loop, since Python's stack is short."""
        if len(below) == 1 and below[0][0] in {op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN}:
            ends, place = [at], at
            while len(ends) <= most and place < len(self.text) and self.one(*below[0], self.text[place]):
                self.steps.step()
                place += 1
                ends.append(place)
            ends = ends[least:]
            for end in ends if lazy else reversed(ends):
                self.steps.step()
                if rest(end):
                    return True
            return False
        more = lambda after: (
            after > at and self.repeat(below, max(least - 1, 0), most - 1, after, rest, lazy=lazy)
        )
        if lazy and not least and rest(at):
            return True
        if most > 0 and self.seq(below, 0, at, more):
            return True
        return not lazy and not least and rest(at)

    def possessive(self, below, least, most, at, rest):
        count = 0
        while count < most:
            ends = []
            if not self.seq(below, 0, at, lambda end, ends=ends: ends.append(end) or True) or ends[-1] == at:
                break
            at, count = ends[-1], count + 1
        return count >= least and rest(at)

    def one(self, kind, value, char):
        self.steps.step()
        key = (id(value), char)
        if key not in self.known:
            self.known[key] = self.is_one(kind, value, char)
        return self.known[key]

    def is_one(self, kind, value, char):
        if kind is op.ANY:
            return bool(self.flags & re.DOTALL) or char != "\n"
        chars = {char, char.lower(), char.upper()} if self.flags & re.IGNORECASE else {char}
        if kind is op.LITERAL:
            return any(ord(c) == value for c in chars if len(c) == 1)
        if kind is op.NOT_LITERAL:
            return ord(char) != value
        return class_has(value, chars)


def class_has(items, chars):
    negated = items[0][0] is op.NEGATE
    found = False
    for kind, value in items:
        if kind is op.CATEGORY:
            name = {op.CATEGORY_DIGIT: r"\d", op.CATEGORY_SPACE: r"\s", op.CATEGORY_WORD: r"\w"}
            name |= {op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_NOT_SPACE: r"\S", op.CATEGORY_NOT_WORD: r"\W"}
            found |= any(re.fullmatch(name[value], c) is not None for c in chars)
        elif kind in {op.LITERAL, op.RANGE}:
            low, high = (value, value) if kind is op.LITERAL else value
            found |= any(low <= ord(c) <= high for c in chars if len(c) == 1)
    return found != negated


def example(items, samples):
    """A short text that the items match, as far as that is easily told; adds a character of each class to the samples."""
    made = ""
    for kind, value in items:
        if kind is op.LITERAL:
            made += chr(value)
            samples.add(chr(value))
        elif kind in {op.NOT_LITERAL, op.ANY, op.IN}:
            fitting = [
                c
                for c in "aA0 -._/+\"'{}()\n\t@=é漢"
                if kind is op.ANY or (class_has(value, {c}) if kind is op.IN else ord(c) != value)
            ]
            fitting += [
                chr(v if k is op.LITERAL else v[0])
                for k, v in (value if kind is op.IN else ())
                if k in {op.LITERAL, op.RANGE}
            ][:2]
            samples.update(fitting[:2])
            made += fitting[0] if fitting else ""
        elif kind in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
            below = example(value[2], samples)
            made += below * max(value[0], 1)
        elif kind is op.SUBPATTERN:
            made += example(value[3], samples)
        elif kind is op.ATOMIC_GROUP:
            made += example(value, samples)
        elif kind is op.BRANCH:
            made += next(example(branch, samples) for branch in value[1])
    return made


def worst_texts(pattern, length):
    """Long texts of what the pattern is made of: each character, pairs, and each beginning of a match, again and again."""
    items, samples = list(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)), set()
    beginnings = sorted({example(items[:end], samples) for end in range(1, len(items) + 1)} - {""}, key=len)
    beginnings = beginnings if len(beginnings) < 7 else beginnings[:4] + beginnings[-2:]
    chars = [*sorted(samples)[:2], *sorted(samples)[-2:], "-", " "]
    units = {*chars, *map("".join, itertools.pairwise(chars)), *beginnings}
    units |= {text + c for text in beginnings for c in chars}
    for unit in sorted(units):
        yield (unit * (length // len(unit) + 1))[:length]
    for text in beginnings:
        yield from (text + (c * length)[: length - len(text)] + "\x00" for c in chars)


def steps_on(pattern, text, most=10**7):
    try:
        return Matcher(pattern, text, most).search()
    except OverflowError:
        return most


def growth(pattern):
    """The greatest factor by which steps grow where the text doubles, and the text."""
    worst, shown = 0.0, ""
    for short, long in zip(worst_texts(pattern, SHORT), worst_texts(pattern, LONG), strict=True):
        many = steps_on(pattern, long, STEPS_MAX)
        few = steps_on(pattern, short, STEPS_MAX) if many < STEPS_MAX else 0
        if many > 20 * LONG and many / (few + SHORT) > worst:
            worst, shown = many / (few + SHORT), long[:40]
    return worst, shown


@pytest.fixture(autouse=True)
def _deep():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize("pattern", all_patterns(), ids=lambda pattern: pattern.pattern[:40])
def test_a_pattern_of_ours_takes_twice_the_steps_for_twice_the_text(pattern):
    factor, text = growth(pattern)

    assert factor <= MOST, f"{pattern.pattern}: {factor:.1f} times the steps on {text!r}..."


@pytest.mark.parametrize(
    "text",
    [
        r"\{\{\s*([^{}]*?)\s*\}\}",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ",
        r"(a+)+$",
        r"\s+$",
    ],
)
def test_patterns_that_take_more_are_noticed(text):
    assert growth(re.compile(text))[0] > MOST


def test_there_are_patterns():
    assert len(all_patterns()) > 50

"""Arithmetic in text: the formulas of multi graders, and expressions in answers.  Nothing is executed as code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

_LENGTH_MAX: Final = 1000
_OPERATIONS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_FUNCTIONS: Final[dict[str, Callable[..., float]]] = {
    "min": min, "max": max, "abs": abs, "floor": math.floor, "ceil": math.ceil,
    "exp": math.exp, "sqrt": math.sqrt, "log": math.log,
}  # fmt: skip


class FormulaError(ValueError):
    """A formula that cannot be read, or that has no value."""


def names(formula: str) -> set[str]:
    """The variables of a formula.

    Raises:
        FormulaError: if it cannot be read.
    """
    tree = _parse(formula)
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found - (called & _FUNCTIONS.keys())


def evaluate(formula: str, values: Mapping[str, float] | None = None) -> float:
    """The value of a formula of + - * / ^, parentheses and a few functions.

    Raises:
        FormulaError: if it has none.
    """
    try:
        found = float(_value(_parse(formula), values or {}))
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise FormulaError(str(error)) from error
    if not math.isfinite(found):
        msg = f"{formula} is not finite"
        raise FormulaError(msg)
    return found


def _parse(formula: str) -> ast.expr:
    if len(formula) > _LENGTH_MAX:
        msg = "the formula is too long"
        raise FormulaError(msg)
    try:
        return ast.parse(formula.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        msg = f"'{formula}' is not a formula"
        raise FormulaError(msg) from error


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, values)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner, values)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
            return float(_OPERATIONS[type(operation)](_value(left, values), _value(right, values)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return float(_FUNCTIONS[name](*(_value(argument, values) for argument in arguments)))
        case _:
            msg = f"'{ast.unparse(node)}' is not allowed in a formula"
            raise FormulaError(msg)

"""Course of the guidance scale between its ends: named curves, and small expressions of ``rate`` that are never executed.

DreamArtist handed such an expression to Python. Here it is parsed, and only numbers, ``rate``, arithmetic and a few
functions are understood.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping

import torch

from ..base.errors import InputError

Curve = Callable[[torch.Tensor], torch.Tensor]
"""``rate`` in [0, 1], 0 at the clean picture and 1 at pure noise -> the share of the way from LOW to HIGH."""

CURVES: Mapping[str, Curve] = {
    "ln": lambda rate: rate,
    "linear": lambda rate: rate,
    "cos": lambda rate: torch.cos((rate - 1) * math.pi / 2),
    "cos2": lambda rate: 1 - torch.cos(rate * math.pi / 2),
}
"""DreamArtist's, and ``linear`` for its ``ln``."""

MAX_LENGTH = 200

_BINARY: Mapping[type[ast.operator], Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    ast.Add: torch.add,
    ast.Sub: torch.sub,
    ast.Mult: torch.mul,
    ast.Div: torch.div,
    ast.Pow: torch.pow,
}
_ONE: Mapping[str, Curve] = {
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "log": torch.log,
    "abs": torch.abs,
}
_TWO: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {"min": torch.minimum, "max": torch.maximum}
_UNDERSTOOD = (
    f"Understood are {', '.join(CURVES)}, and expressions of 'rate' with numbers, pi, + - * / **, brackets and "
    f"{', '.join([*_ONE, *_TWO])}: for example sqrt(rate)."
)


def parse_curve(text: str, *, field: str) -> Curve:
    """A named curve, or an expression (``sqrt(rate)``; DreamArtist's ``torch.sqrt(rate)`` too). Raises InputError."""
    plain = text.strip()
    if plain in CURVES:
        return CURVES[plain]
    if len(plain) > MAX_LENGTH:
        raise InputError(f"The curve is longer than {MAX_LENGTH} characters. {_UNDERSTOOD}", field=field)
    try:
        tree = ast.parse(plain, mode="eval").body
        _value(tree, torch.zeros(1, dtype=torch.float64))  # what is not understood is told now
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise InputError(
            f"The curve {plain!r} is not understood: {_reason(error)}. {_UNDERSTOOD}", field=field
        ) from error
    return lambda rate: _value(tree, rate)


def _reason(error: Exception) -> str:
    return "it is no arithmetic" if isinstance(error, (SyntaxError, RecursionError, MemoryError)) else str(error)


def _value(node: ast.expr, rate: torch.Tensor) -> torch.Tensor:
    """The value [T] of an expression over ``rate`` [T]. Raises ValueError telling what is not understood."""
    if isinstance(node, ast.Constant):
        return _constant(node, rate)
    if isinstance(node, ast.Name):
        if node.id == "rate":
            return rate
        if node.id == "pi":
            return torch.full_like(rate, math.pi)
        raise ValueError(f"{node.id!r} means nothing here")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand, rate)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, rate), _value(node.right, rate))
    if isinstance(node, ast.Call) and not node.keywords:
        return _called(_function_name(node.func), [_value(each, rate) for each in node.args])
    raise ValueError("it holds something besides arithmetic")


def _constant(node: ast.Constant, rate: torch.Tensor) -> torch.Tensor:
    """A number, [T] as ``rate``."""
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise ValueError(f"{node.value!r} is no number")
    return torch.full_like(rate, float(node.value))


def _function_name(node: ast.expr) -> str:
    """``sqrt``, and ``sqrt`` for the ``torch.sqrt`` and ``math.sqrt`` of older guides."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("torch", "math"):
        return node.attr
    raise ValueError("it holds something besides arithmetic")


def _called(name: str, values: list[torch.Tensor]) -> torch.Tensor:
    """A function of one or two values [T]."""
    if name in _ONE and len(values) == 1:
        return _ONE[name](values[0])
    if name in _TWO and len(values) == 2:
        return _TWO[name](values[0], values[1])
    raise ValueError(f"there is no function {name!r} of {len(values)} values")

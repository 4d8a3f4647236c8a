"""Autocast on the shadow device: the same operations in the same types as on CUDA.

torch writes its lists down in a header that comes with it (``ATen/autocast_mode.h``), and leaves it to a device to follow them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from .memory import NAME, is_shadow

Policy = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]
_HALF = (torch.float16, torch.bfloat16)
_KEY = "AutocastPrivateUse1"


def install(library: torch.library.Library, everything: torch.library.Library) -> None:
    """Give every operation of the lists its kernel; all others pass autocast by."""
    everything.fallback(torch.library.fallthrough_kernel, _KEY)
    policies: dict[str, Policy] = {
        "LOWER_PRECISION_FP": lower_precision,
        "FP32": full_precision,
        "FP32_SET_OPT_DTYPE": full_precision_inside,
        "PROMOTE": widest,
    }
    for macro, policy in policies.items():
        for op in _listed(macro):
            library.impl(op, _kernel(op, policy), _KEY)


def lower_precision(op: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Everything in autocast's own type."""
    return _cast_call(op, arguments, named, torch.get_autocast_dtype(NAME))


def full_precision(op: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Everything in float32."""
    return _cast_call(op, arguments, named, torch.float32)


def full_precision_inside(op: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """In the type that is asked for, else float32, from a tensor of 16 bits as it is."""
    names = [argument.name for argument in op._schema.arguments]
    given = dict(zip(names, arguments, strict=False)) | named
    if given.get("dtype") is None and is_shadow(arguments[0]) and arguments[0].dtype in _HALF:
        named = {**named, "dtype": torch.float32}
        arguments = arguments[: names.index("dtype")]
    return op(*arguments, **named)


def widest(op: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """In the widest type among the tensors."""
    types = {each.dtype for each in _flat((*arguments, *named.values())) if _eligible(each)}
    wide = torch.float32 if torch.float32 in types else torch.get_autocast_dtype(NAME)
    return _cast_call(op, arguments, named, wide)


def _kernel(op: Any, policy: Policy) -> Callable[..., Any]:
    keys = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, _KEY))

    def kernel(*arguments: Any, **named: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(keys):
            return policy(op, arguments, named)

    return kernel


def _cast_call(op: Any, arguments: tuple[Any, ...], named: dict[str, Any], dtype: torch.dtype) -> Any:
    return op(*_cast(arguments, dtype), **{name: _cast(each, dtype) for name, each in named.items()})


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(each, dtype) for each in value)
    return value.to(dtype) if _eligible(value) else value


def _eligible(value: Any) -> bool:
    return is_shadow(value) and value.is_floating_point() and value.dtype != torch.float64


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _flat(each)
    else:
        yield value


def _listed(macro: str) -> Iterator[Any]:
    """The operations of one list of the header that this torch has."""
    header = Path(torch.__file__).parent / "include" / "ATen" / "autocast_mode.h"
    text = header.read_text(encoding="utf-8").replace("\\\n", "\n")
    body = text.partition(f"#define AT_FORALL_{macro}(_)")[2].partition("\n\n")[0]
    for name, overload in re.findall(r"^\s*_\((\w+)(?:, (\w+))?\)", body, flags=re.MULTILINE):
        packet = getattr(torch.ops.aten, name, None)
        op = getattr(packet, overload or "default", None)
        if op is not None:
            yield op

"""An optimiser by the name of its class, of torch or of any installed package: ``schedulefree.AdamWScheduleFree``.

The arguments are written as in a call, ``betas=(0.9, 0.95), weight_decay=0.01``, and read as literals: nothing is executed.
A package is imported only when one of its optimisers is asked for.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from ..base.errors import InputError

PACKAGES = {
    "torch": "torch",
    "schedulefree": "schedulefree",
    "prodigyopt": "prodigyopt",
    "bitsandbytes": "bitsandbytes",
    "dadaptation": "dadaptation",
    "lion_pytorch": "lion-pytorch",
    "came_pytorch": "came-pytorch",
    "pytorch_optimizer": "pytorch-optimizer",
    "adabelief_pytorch": "adabelief-pytorch",
    "torchao": "torchao",
    "transformers": "transformers",
}
"""Packages known for optimisers, by module, with the name that pip installs them under. Over HTTP only these may be named."""

_SHORT = {"bitsandbytes": "bitsandbytes.optim", "torchao": "torchao.optim"}


def is_named(optimizer: str) -> bool:
    """Tell a class's name, which has a dot, from the optimisers that are built in."""
    return "." in optimizer


def package_of(optimizer: str) -> str:
    """Name the package (first part) of a class's name."""
    return optimizer.strip().partition(".")[0]


def named_optimizer(
    name: str, arguments: str, parameters: Sequence[dict[str, Any]], *, rate: float = 1.0
) -> torch.optim.Optimizer:
    """Make the optimiser called ``name`` for parameter groups. Raises InputError, naming the package to install where one is missing.

    The learning rate is set before every step; ``rate`` is the first one, for optimisers that want to know it.
    """
    kind = optimizer_class(name)
    given = parse_arguments(arguments)
    if "lr" in given:
        raise InputError(
            "The learning rate is set by 'Embedding Learning rate', and lr among the optimiser's arguments would have no effect. "
            "Leave lr out.",
            field="optimizer_args",
        )
    if "lr" in _accepted(kind):
        given = {"lr": rate, **given}
    try:
        make: Callable[..., torch.optim.Optimizer] = kind  # what it takes is its own affair
        optimizer = make([dict(group) for group in parameters], **given)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise InputError(f"{name} could not be made with these arguments: {error}", field="optimizer_args") from error
    train = getattr(optimizer, "train", None)
    if callable(train):  # schedule-free ones refuse to step before
        train()
    return optimizer


def optimizer_class(name: str) -> type[Any]:
    """Import the class. Raises InputError where there is none, or one that cannot train vectors here."""
    module_name, _, class_name = name.strip().rpartition(".")
    kind = _imported(_SHORT.get(module_name, module_name), class_name, written=name)
    if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
        raise InputError(f"{name!r} is no optimiser (no kind of torch.optim.Optimizer). {_EXAMPLE}", field="optimizer")
    closure = inspect.signature(kind.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise InputError(
            f"{name} computes the loss several times a step (it wants a closure), which training here does not do. Choose another "
            "optimiser.",
            field="optimizer",
        )
    return kind


_EXAMPLE = "Write module and class, for example torch.optim.RAdam or schedulefree.AdamWScheduleFree."


def _imported(module_name: str, class_name: str, *, written: str) -> Any:
    package = package_of(module_name)
    parts = [*module_name.split("."), class_name]
    if not all(part.isidentifier() for part in parts) or package == "textual_inversion":
        raise InputError(f"{written!r} is no name of a class. {_EXAMPLE}", field="optimizer")
    if find_spec(package) is None:
        install = PACKAGES.get(package, package)
        raise InputError(
            f"The package {package!r} is not installed here. Install it with: python -m pip install {install}",
            field="optimizer",
        )
    try:
        return getattr(import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        raise InputError(f"There is no module {error.name!r}. {_EXAMPLE}", field="optimizer") from error
    except AttributeError as error:
        raise InputError(
            f"{module_name} has no optimiser called {class_name!r}. {_EXAMPLE}", field="optimizer"
        ) from error
    except Exception as error:  # a package for another torch, or without its native library
        raise InputError(f"{module_name} cannot be imported: {error}", field="optimizer") from error


def _accepted(kind: type) -> set[str]:
    return set(inspect.signature(kind.__init__).parameters)


def parse_arguments(text: str) -> dict[str, Any]:
    """Read ``betas=(0.9, 0.95), weight_decay=0.01`` as values by name. Raises InputError for anything but literals."""
    example = "Write them as in a call: betas=(0.9, 0.95), weight_decay=0.01"
    try:
        call = ast.parse(f"f({text.strip()})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"The optimiser's arguments {text!r} cannot be read. {example}", field="optimizer_args"
        ) from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise InputError(
            f"The optimiser's arguments {text!r} have a value without a name. {example}", field="optimizer_args"
        )
    found: dict[str, Any] = {}
    for keyword in call.keywords:
        try:
            value = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
            written = ast.unparse(keyword.value)
            raise InputError(
                f"{written!r} is no plain value (a number, True, a text, or several in brackets). {example}",
                field="optimizer_args",
            ) from error
        if keyword.arg is None:
            raise InputError(f"The optimiser's arguments {text!r} hold '**'. {example}", field="optimizer_args")
        found[keyword.arg] = value
    return found

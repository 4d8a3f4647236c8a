"""The state of a pickle that is being interpreted, and what its operations may do to it: plain data and names only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from ...base.errors import FileFormatError


@dataclass(frozen=True)
class Name:
    """A global that the pickle names, for instance ``torch`` ``FloatStorage``: a name, not the thing."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass
class Instance:
    """An object that the pickle describes by its class's name and its attributes."""

    kind: Name
    state: dict[object, object] = field(default_factory=dict)


Call = Callable[[tuple[object, ...]], object]
"""Stand-in for a callable: receives the arguments that the pickle would have called it with."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Names that a pickle may mention: ``calls`` by "module.name", ``instances`` (classes), and how it refers to storages."""

    calls: dict[str, Call]
    instances: frozenset[str]
    persistent: Call


class Machine:
    """Stack, marks and memo of one pickle. Every method raises FileFormatError rather than do something unusual."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def pop(self) -> object:
        return self.stack.pop()

    def pop_to_mark(self) -> list[object]:
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def pop_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise FileFormatError("its pickle takes more from the stack than there is")
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(items)

    def set_items(self, items: Sequence[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise FileFormatError("its pickle stores entries in something that is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, int)):
                raise FileFormatError(f"its pickle has a dictionary key of type {type(key).__name__}")
            target[key] = value

    def append_items(self, items: Sequence[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise FileFormatError("its pickle appends to something that is no list")
        cast("list[object]", target).extend(items)

    def push_name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise FileFormatError("its pickle names something by other than text")
        found = Name(module, name)
        known = self.vocabulary
        is_data = module in {"torch", "torch.cuda", "torch.storage"}
        if str(found) not in known.calls and str(found) not in known.instances and not is_data:
            raise FileFormatError(
                f"its pickle asks for {str(found)[:80]!r}, which no embedding needs. Nothing was executed; "
                "if you do not trust where the file came from, delete it"
            )
        self.stack.append(found)

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        call = self.vocabulary.calls.get(str(function)) if isinstance(function, Name) else None
        if call is None or not isinstance(arguments, tuple):
            raise FileFormatError(f"its pickle calls {_shown(function)}. Nothing was executed; delete the file")
        self.stack.append(call(cast("tuple[object, ...]", arguments)))

    def new_instance(self) -> None:
        arguments, kind = self.pop(), self.pop()
        if not isinstance(kind, Name) or str(kind) not in self.vocabulary.instances or arguments != ():
            raise FileFormatError(f"its pickle makes a {_shown(kind)}. Nothing was executed; delete the file")
        self.stack.append(Instance(kind))

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Instance) and isinstance(state, dict):
            target.state = cast("dict[object, object]", state)
        elif not isinstance(target, dict):  # an OrderedDict with attributes of its own: they are of no use here
            raise FileFormatError("its pickle sets the attributes of something that has none. Nothing was executed")


def _shown(value: object) -> str:
    """Short, whatever it is: printing nested tuples of a hostile file could take for ever."""
    return repr(str(value)[:80]) if isinstance(value, (Name, str)) else f"a {type(value).__name__}"

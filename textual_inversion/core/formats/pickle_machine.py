"""A pickle interpreter that can build nothing but plain data and descriptions of tensors.

Python's unpickler looks functions up by name and calls them: that is the attack. Here a name stays a name
(``Name``), and the only names that may be "called" are the handful that torch uses to describe tensors, each
answered by a function of ours. Nothing is imported, nothing is executed, no tensor is made.

Unlike ``torch.load(weights_only=True)`` this reads the ``nn.ParameterDict`` of the original LDM trainer, keeps
tensors in the file until they are wanted, and bounds work and memory: dictionary keys are text or numbers (hashing
nested tuples can take for ever or overflow the stack), the program has at most MAX_PICKLE_STEPS operations, and
memo slots are a dictionary (a huge slot number costs nothing).
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from ..errors import FileFormatError
from .limits import MAX_PICKLE_STEPS


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
"""What stands for a callable: receives the arguments that the pickle would have called it with."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What a pickle may mention: ``calls`` by "module.name", ``instances`` (classes), and how it refers to storages."""

    calls: dict[str, Call]
    instances: frozenset[str]
    persistent: Call


def run_pickle(stream: BinaryIO, vocabulary: Vocabulary) -> object:
    """Interpret one pickle from ``stream`` up to its STOP; raises FileFormatError on anything out of the ordinary."""
    machine = _Machine(vocabulary)
    try:
        for _ in range(MAX_PICKLE_STEPS):
            name, argument = _next_operation(stream)
            if name == "STOP":
                return machine.pop()
            _OPERATIONS[name](machine, argument)
    except (IndexError, KeyError, ValueError, TypeError, UnicodeError, OverflowError) as error:
        raise FileFormatError(f"its pickle is broken ({type(error).__name__}: {str(error)[:80]})") from error
    raise FileFormatError(f"its pickle has more than {MAX_PICKLE_STEPS} operations; an embedding's has some hundred")


def _next_operation(stream: BinaryIO) -> tuple[str, object]:
    code = stream.read(1)
    if not code:
        raise FileFormatError("its pickle ends too early: the file was cut off")
    operation = pickletools.code2op.get(code.decode("latin-1"))
    if operation is None or (operation.name not in _OPERATIONS and operation.name != "STOP"):
        shown = operation.name if operation else f"0x{code.hex()}"
        raise FileFormatError(f"its pickle uses {shown}, which no embedding needs. Nothing was executed")
    return operation.name, operation.arg.reader(stream) if operation.arg else None


class _Machine:
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
            target.state.update(cast("dict[object, object]", state))
        elif not isinstance(target, dict):  # an OrderedDict with attributes of its own: they are of no use here
            raise FileFormatError("its pickle sets the attributes of something that has none. Nothing was executed")


def _shown(value: object) -> str:
    """Short, whatever it is: printing nested tuples of a hostile file could take for ever."""
    return repr(str(value)[:80]) if isinstance(value, (Name, str)) else f"a {type(value).__name__}"


_Operation = Callable[[_Machine, object], None]


def _push(machine: _Machine, value: object) -> None:
    machine.stack.append(value)


def _put(machine: _Machine, index: object) -> None:
    machine.memo[cast("int", index)] = machine.stack[-1]


def _global(machine: _Machine, argument: object) -> None:
    machine.push_name(*str(argument).split(" ", 1))


def _stack_global(machine: _Machine, _: object) -> None:
    name, module = machine.pop(), machine.pop()
    machine.push_name(module, name)


def _set_item(machine: _Machine, _: object) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


def _append(machine: _Machine, _: object) -> None:
    item = machine.pop()
    machine.append_items([item])


_OPERATIONS: dict[str, _Operation] = {
    "PROTO": lambda machine, version: None,
    "FRAME": lambda machine, size: None,
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "NONE": lambda machine, _: _push(machine, None),
    "NEWTRUE": lambda machine, _: _push(machine, True),
    "NEWFALSE": lambda machine, _: _push(machine, False),
    "EMPTY_DICT": lambda machine, _: _push(machine, {}),
    "EMPTY_LIST": lambda machine, _: _push(machine, []),
    "EMPTY_TUPLE": lambda machine, _: _push(machine, ()),
    "TUPLE": lambda machine, _: _push(machine, tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.pop_tuple(1),
    "TUPLE2": lambda machine, _: machine.pop_tuple(2),
    "TUPLE3": lambda machine, _: machine.pop_tuple(3),
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": lambda machine, _: _put(machine, len(machine.memo)),
    "BINGET": lambda machine, index: _push(machine, machine.memo[cast("int", index)]),
    "LONG_BINGET": lambda machine, index: _push(machine, machine.memo[cast("int", index)]),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "APPEND": _append,
    "APPENDS": lambda machine, _: machine.append_items(machine.pop_to_mark()),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda machine, _: machine.reduce(),
    "NEWOBJ": lambda machine, _: machine.new_instance(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: _push(machine, machine.vocabulary.persistent((machine.pop(),))),
} | dict.fromkeys(
    ["BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING"], _push
)

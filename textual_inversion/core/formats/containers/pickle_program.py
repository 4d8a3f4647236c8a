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
from collections.abc import Callable
from typing import BinaryIO, cast

from ...base.errors import FileFormatError
from .limits import MAX_PICKLE_STEPS
from .pickle_machine import Machine, Vocabulary

_BY_CODE = {operation.code: operation for operation in pickletools.opcodes}


def run_pickle(stream: BinaryIO, vocabulary: Vocabulary) -> object:
    """Interpret one pickle from ``stream`` up to its STOP; raises FileFormatError on anything out of the ordinary."""
    machine = Machine(vocabulary)
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
    operation = _BY_CODE.get(code.decode("latin-1"))
    if operation is None or (operation.name not in _OPERATIONS and operation.name != "STOP"):
        shown = operation.name if operation else f"0x{code.hex()}"
        raise FileFormatError(f"its pickle uses {shown}, which no embedding needs. Nothing was executed")
    return operation.name, operation.arg.reader(stream) if operation.arg else None


_Operation = Callable[[Machine, object], None]


def _push(machine: Machine, value: object) -> None:
    machine.stack.append(value)


def _put(machine: Machine, index: object) -> None:
    machine.memo[cast("int", index)] = machine.stack[-1]


def _global(machine: Machine, argument: object) -> None:
    machine.push_name(*str(argument).split(" ", 1))


def _stack_global(machine: Machine, _: object) -> None:
    name, module = machine.pop(), machine.pop()
    machine.push_name(module, name)


def _set_item(machine: Machine, _: object) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


def _append(machine: Machine, _: object) -> None:
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
    "BININT": _push,
    "BININT1": _push,
    "BININT2": _push,
    "LONG1": _push,
    "BINFLOAT": _push,
    "BINUNICODE": _push,
    "SHORT_BINUNICODE": _push,
    "SHORT_BINSTRING": _push,
}

"""The errors a person can do something about. Each says what was seen and what to do.

Anything else that reaches the top is a fault of ours: it is shown with a traceback and ends with exit code 1.
"""

from __future__ import annotations

from typing import ClassVar


class UserError(Exception):
    """Base of all errors whose text is meant for the person at the keyboard.

    ``field`` names the form field (a field of ``TrainConfig``, or of a request) that the message belongs beside.
    ``exit_code`` is what the command line ends with.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InputError(UserError):
    """Bad input or usage: a form field, a command line, a file, a caption."""


class FileFormatError(InputError):
    """A file that is not what it should be: broken, hostile, of another kind, or of another width."""


class LeaseError(UserError):
    """The host cannot lend its model, or the model that was lent is no longer the loaded one."""


class ModelChangedError(LeaseError):
    """Somebody chose another checkpoint while a run had the first one: the run ends, saved, and can be resumed."""

    exit_code: ClassVar[int] = 130


class DivergedError(UserError):
    """The loss became NaN or the vectors grew without bound, and going back once did not help."""

    exit_code: ClassVar[int] = 3


class ResourceError(UserError):
    """Out of memory, or a disk that is full or cannot be written."""

    exit_code: ClassVar[int] = 4


class InterruptedRunError(UserError):
    """A person stopped the run before its first step; nothing was changed."""

    exit_code: ClassVar[int] = 130

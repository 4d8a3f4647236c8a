"""Errors of requests about runs, each with the HTTP status it is answered with."""

from __future__ import annotations

from typing import ClassVar

from ..core.base.errors import UserError


class ConflictError(UserError):
    """It cannot be done now: the name or the model is in use by a run, or a run is in another state."""

    status: ClassVar[int] = 409


class UnknownRunError(UserError):
    """There is no run, or no picture, under this address."""

    status: ClassVar[int] = 404


class DeniedError(UserError):
    """The caller may not do this (403), or has to say who it is first (401)."""

    def __init__(self, message: str, *, status: int = 403) -> None:
        super().__init__(message)
        self.status = status

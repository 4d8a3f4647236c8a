"""Access to a web UI's server: behind its login, and with paths inside its folders where others on the net reach it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.base.errors import InputError
from ..runs.errors import DeniedError
from .access import Access

if TYPE_CHECKING:
    from starlette.requests import Request


class GuardedAccess(Access):
    """``admits`` knows the web UI's login.

    ``names``: under which the server is reached besides the usual ones; None for any (a login is bound to the name that
    the page was opened under, so another name pointed here has none). ``roots``: folders that paths have to lie in; None for any.
    """

    _other_names = (
        "Open it by the address of its computer in numbers, or start the web UI with that name as --server-name or "
        "among --cors-allow-origins (as https://NAME)."
    )

    def __init__(
        self, *, admits: Callable[[Request], bool], names: Sequence[str] | None, roots: Sequence[Path] | None
    ) -> None:
        super().__init__(names or ())
        self._admits, self._any_name = admits, names is None
        self._roots = None if roots is None else list(dict.fromkeys(root.resolve() for root in roots))

    def authorize(self, request: Request) -> None:
        if not self._admits(request):
            raise DeniedError(
                "This web UI wants a login: open its page and log in, or send name and password.", status=401
            )

    def check_path(self, path: str, *, field: str) -> Path:
        """Links are followed first: one that leads outside is outside."""
        checked = super().check_path(path, field=field)
        if self._roots is None:
            return checked
        try:
            resolved = checked.resolve()
        except (OSError, RuntimeError) as error:  # a circle of links
            raise InputError(f"{path} cannot be read: {error}.", field=field) from error
        if not any(resolved.is_relative_to(root) for root in self._roots):
            inside = " or ".join(str(root) for root in self._roots)
            raise InputError(
                f"This web UI can be reached by others, so paths have to lie inside {inside}. Move the files there, or start "
                "it with --enable-insecure-extension-access.",
                field=field,
            )
        return checked

    def _is_own(self, host: str) -> bool:
        return self._any_name or super()._is_own(host)

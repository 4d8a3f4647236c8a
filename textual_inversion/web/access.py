"""Access to the HTTP routes: who, from where, and with which paths. A host's wiring overrides what differs."""

from __future__ import annotations

import ipaddress
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..core.base.errors import InputError
from ..core.base.files import read_error
from ..core.base.pasted_path import pasted_path
from ..core.dataset.find import parse_folder
from ..core.dataset.templates import find_template, list_templates
from ..core.model.host import OWN_VAE
from ..core.model.lora import parse_loras
from ..runs.errors import DeniedError

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request

    from ..core.model.host import Host
    from ..core.settings.train_config import TrainConfig


class Access:
    """Everyone who reaches the port, on the standalone app; a web UI's wiring asks for its login in ``authorize``.

    ``hosts``: names under which the app is reached besides addresses, localhost and the machine's own name (a proxy's).
    """

    _other_names = "Open it as localhost, or by the address of its computer in numbers."

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = {"localhost", platform.node().lower(), *(host.lower() for host in hosts)}

    def authorize(self, request: Request) -> None:
        """Raise DeniedError (401) where the host wants a login and the request has none."""

    def check_path(self, path: str, *, field: str) -> Path:
        """``path`` as it may be read or written; raises DeniedError or InputError beside ``field``."""
        plain = pasted_path(path)  # as whoever opens it reads it
        if not path.strip(" \t\r\n\"'") or "\0" in path:
            raise InputError("No file or folder is given here.", field=field)
        try:
            os.lstat(plain)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            pass
        except (OSError, ValueError) as error:  # a name that no disk has
            known = read_error(error) if isinstance(error, OSError) else None
            raise InputError(known.message if known else f"{plain} cannot be read: {error}.", field=field) from error
        return plain

    def check_config(self, config: TrainConfig, host: Host) -> None:
        """``check_path`` for every path among a run's settings; what the host knows by name is none."""
        for folder in config.data:
            self.check_path(str(parse_folder(folder).path) if folder.strip() else "", field="data")
        self.check_path(config.log_dir, field="log_dir")
        templates = {"template": config.template, "negative_template": config.negative_template}
        for field, text in templates.items():
            if (text.strip() or field == "template") and not _names_template(text, host):
                self.check_path(text, field=field)
        if config.vae.strip() and config.vae not in (OWN_VAE, *host.vae_names()):
            self.check_path(config.vae, field="vae")
        for use in parse_loras(config.lora):
            self.check_path(use.file, field="lora")
        self._check_optimizer(config.optimizer)

    def _check_optimizer(self, optimizer: str) -> None:
        """Naming a class imports its module, so over the network only packages that are known for optimisers are."""
        from ..core.update.named_optimizer import PACKAGES, is_named, package_of

        if is_named(optimizer) and package_of(optimizer) not in PACKAGES:
            raise InputError(
                f"An optimiser of {package_of(optimizer)!r} cannot be asked for from a page. Those of {', '.join(PACKAGES)} can; any other "
                "with the command line.",
                field="optimizer",
            )

    def check_origin(self, request: HTTPConnection, *, opens_page: bool = False) -> None:
        """Refuse a page of another site (CSRF), and a foreign name that was pointed at this machine (DNS rebinding).

        ``opens_page``: a person opens the page itself, which a link on another site may lead to.
        """
        host = request.headers.get("host", "")
        if not self._is_own(host):
            raise DeniedError(f"This app does not answer under the name {host!r}. {self._other_names}")
        if opens_page:
            return
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if site in ("same-origin", "none") or (site is None and origin is None):
            return
        names = {host, request.headers.get("x-forwarded-host", host)}
        if site is not None or urlsplit(origin or "").netloc not in names:
            raise DeniedError(f"Another site ({origin or site}) may not use this app.")

    def _is_own(self, host: str) -> bool:
        """An address cannot be pointed elsewhere, so any is good; a name has to be known."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._hosts
        return True


def _names_template(text: str, host: Host) -> bool:
    try:
        found = find_template(text, host.template_dirs)
    except (InputError, OSError, ValueError):
        return False
    return any(file.path == found for file in list_templates(host.template_dirs))

"""The logins that SD.Next was started with."""

from __future__ import annotations

from pathlib import Path

from modules import shared

from ..webui_page.login import Credentials


def users() -> list[Credentials]:
    """Those of ``--auth`` and ``--auth-file``, read as the web UI reads them."""
    lines = [(shared.cmd_opts.auth or "").strip('"').replace("\n", "")]
    file = shared.cmd_opts.auth_file
    if file and Path(file).is_file():
        lines += Path(file).read_text(encoding="utf-8").splitlines()
    pairs = (entry.strip().partition(":") for line in lines for entry in line.split(","))
    return [(user, password) for user, _, password in pairs if user and password]

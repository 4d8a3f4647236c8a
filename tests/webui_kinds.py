"""How the web UIs differ for whoever starts one and clicks in it: flags, folders, and when one is ready."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_OFFLINE = "--skip-prepare-environment --skip-torch-cuda-test --skip-version-check --server-name 127.0.0.1 --api"


@dataclass(frozen=True, kw_only=True)
class WebUIKind:
    """``ready``: all these stand in its log once it serves. ``settings``: of its own, written before its first start.

    ``loads_demo``: the small demo checkpoint can be its own; others know checkpoints by a list of published shapes.
    """

    name: str
    arguments: str
    ready: tuple[str, ...] = ("Startup time:",)
    embeddings: str = "embeddings"
    settings: dict[str, Any] = field(default_factory=dict)
    loads_demo: bool = False


A1111 = WebUIKind(
    name="AUTOMATIC1111",
    arguments=f"{_OFFLINE} --no-download-sd-model --use-cpu all --no-half --precision full",
    ready=("Startup time:", "Model loaded in"),
    settings={"show_progress_type": "Approx cheap"},  # the usual kind of live preview wants a model that is downloaded
    loads_demo=True,
)
FORGE = WebUIKind(
    name="Forge",
    arguments=f"{_OFFLINE} --skip-install --always-cpu",
    settings={"live_previews_enable": False},
)
NEO = WebUIKind(
    name="Forge Neo",
    arguments=f"{_OFFLINE} --skip-install --cpu --skip-python-version-check",
    embeddings="models/embeddings",
    settings={"live_previews_enable": False, "VERSION_UID": "PY313"},
)


def kind_of(installation: Path) -> WebUIKind:
    """Tell it by the files that the extension itself tells it by."""
    if (installation / "backend" / "diffusion_engine").is_dir():
        version = (installation / "modules_forge" / "forge_version.py").read_text(encoding="utf-8")
        return NEO if '"neo"' in version else FORGE
    return A1111


def write_settings(folder: Path, kind: WebUIKind, checkpoint: str) -> None:
    chosen = {} if kind.loads_demo else {"sd_model_checkpoint": checkpoint}
    (folder / "config.json").write_text(json.dumps({**kind.settings, **chosen}), encoding="utf-8")

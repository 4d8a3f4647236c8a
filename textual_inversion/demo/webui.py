"""The demo checkpoint as a web UI wants it: beside its own checkpoints, with a yaml whose paths are right there."""

from __future__ import annotations

import json
from pathlib import Path

from ..core.base.errors import InputError
from ..core.base.files import disk_errors, write_bytes, write_text
from ..hosts.standalone.checkpoint.tokenizer import ClipTokenizer
from ..hosts.standalone.host import DEMO_CHECKPOINT
from .export import NAME, TEXT_FOLDER

CHECKPOINTS = Path("models") / "Stable-diffusion"
NAME_THERE = "textual-inversion-demo"


def install_checkpoint(webui: Path, *, assets: Path = DEMO_CHECKPOINT.parent) -> Path:
    """Put checkpoint, yaml and text encoder into the web UI in the folder ``webui``; returns the checkpoint's path there.

    LDM's ``FrozenCLIPEmbedder`` reads tokenizer and sizes from the folder that the yaml names, which must be absolute as a
    web UI may be started from anywhere. Raises InputError where ``webui`` holds no web UI.
    """
    folder = webui.expanduser().resolve() / CHECKPOINTS
    if not folder.is_dir():
        raise InputError(
            f"{webui} holds no web UI: there is no folder {CHECKPOINTS.as_posix()} in it.", field="webui_dir"
        )
    encoder = folder / f"{NAME_THERE}-text-encoder"
    _write_encoder(assets / TEXT_FOLDER, encoder)
    _write_yaml((assets / f"{NAME}.yaml").read_text(encoding="utf-8"), encoder, folder / f"{NAME_THERE}.yaml")
    checkpoint = folder / f"{NAME_THERE}.safetensors"
    write_bytes(checkpoint, (assets / f"{NAME}.safetensors").read_bytes())
    return checkpoint


def _write_encoder(source: Path, target: Path) -> None:
    """The sizes, and the CLIP vocabulary as Hugging Face's tokenizer reads it."""
    write_text(target / "config.json", (source / "config.json").read_text(encoding="utf-8"))
    write_text(target / "tokenizer_config.json", json.dumps({"model_max_length": 77}) + "\n")
    with disk_errors(target):
        ClipTokenizer.load("clip").backend.model.save(str(target))


def _write_yaml(text: str, encoder: Path, target: Path) -> None:
    named = json.dumps(TEXT_FOLDER)
    if named not in text:
        raise ValueError(f"the demo's yaml does not name {named}")
    write_text(target, text.replace(named, json.dumps(encoder.as_posix())))

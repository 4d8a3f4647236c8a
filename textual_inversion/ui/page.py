"""Additions of the standalone page to its widgets: our scripts, our styles, fonts of the system. Nothing from the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from .portable import accepted

_ROOT = Path(__file__).resolve().parents[2]


def page_options() -> dict[str, Any]:
    """``theme``, ``css`` and ``head``; a web UI takes scripts and styles from the extension's folder by itself."""
    return {
        "theme": gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "css": (_ROOT / "style.css").read_text(encoding="utf-8"),
        "head": "".join(f"<script>\n{script}</script>\n" for script in _scripts()),
    }


def complete(blocks: gr.Blocks) -> None:
    """Complete what Gradio 3.41 does not do by itself: take our scripts, which run once the page is there, and events that yield."""
    if any(accepted(place, {"head": ""}) for place in (gr.Blocks.__init__, gr.mount_gradio_app)):
        return
    blocks.queue()
    with blocks:
        blocks.load(None, None, None, _js="() => {\n" + "".join(_scripts()) + "}")


def _scripts() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((_ROOT / "javascript").glob("*.js"))]

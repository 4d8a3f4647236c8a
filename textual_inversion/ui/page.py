"""What the standalone page needs beside its widgets: our scripts, our styles, fonts of the system. Nothing from the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

_ROOT = Path(__file__).resolve().parents[2]


def page_options() -> dict[str, Any]:
    """``theme``, ``css`` and ``head``; a web UI takes scripts and styles from the extension's folder by itself."""
    scripts = [path.read_text(encoding="utf-8") for path in sorted((_ROOT / "javascript").glob("*.js"))]
    return {
        "theme": gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "css": (_ROOT / "style.css").read_text(encoding="utf-8"),
        "head": "".join(f"<script>\n{script}</script>\n" for script in scripts),
    }

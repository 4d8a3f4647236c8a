"""The web UI loads this: it finds out which one that is and puts the tab into it."""

from pathlib import Path

from textual_inversion.webui_start import start

start(Path(__file__).resolve().parents[1] / "textual_inversion")

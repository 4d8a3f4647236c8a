"""Settings of a web UI for captions, under *Interrogate* and *Postprocessing*, as they are now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import shared

_READ: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "threshold": ("interrogate_deepbooru_score_threshold", float),
    "sort_tags": ("deepbooru_sort_alpha", bool),
    "use_spaces": ("deepbooru_use_spaces", bool),
    "escape": ("deepbooru_escape", bool),
    "filter_tags": ("deepbooru_filter_tags", str),
    "num_beams": ("interrogate_clip_num_beams", int),
    "min_length": ("interrogate_clip_min_length", int),
    "max_length": ("interrogate_clip_max_length", int),
    "existing": ("postprocessing_existing_caption_action", lambda value: str(value).lower()),
}
"""By the name in ``PrepareSettings``: the web UI's, and how its value is read."""


def caption_defaults() -> dict[str, Any]:
    """Those that this web UI has."""
    options = shared.opts
    return {
        name: read(getattr(options, key))
        for name, (key, read) in _READ.items()
        if key in options.data or key in options.data_labels
    }

"""The widgets of the txt2img tab, for previews that are made with what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .callbacks import when

_FIELDS = {
    "txt2img_prompt": "prompt",
    "txt2img_neg_prompt": "negative_prompt",
    "txt2img_sampling": "sampler",
    "txt2img_scheduler": "scheduler",
    "txt2img_steps": "steps",
    "txt2img_cfg_scale": "guidance_scale",
    "txt2img_seed": "seed",
    "txt2img_width": "width",
    "txt2img_height": "height",
}
"""Ids of the web UI's own, and what a picture's request calls them. Scripts, hires fix, refiner and styles are left out."""


class Txt2Img:
    """Collects the widgets whenever the page is built; each *Reload UI* makes new ones, under the same ids."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        when("after_component", self._see)

    @property
    def widgets(self) -> Mapping[str, Any]:
        """By field of ``core.host.PictureRequest``, and ``scheduler``; those that this version lacks are not there."""
        return dict(self._found)

    def _see(self, component: Any, **described: Any) -> None:
        if field := _FIELDS.get(described.get("elem_id") or ""):
            self._found[field] = component

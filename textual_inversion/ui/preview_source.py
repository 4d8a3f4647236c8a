"""*Read parameters from txt2img tab*: what stands in the tab where pictures are made, as preview settings of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.settings.train_config import TrainConfig

_SAME = {
    "negative_prompt": "preview_negative_prompt",
    "steps": "preview_steps",
    "guidance_scale": "preview_guidance_scale",
    "width": "preview_width",
    "height": "preview_height",
}
_NO_SCHEDULER = ("", "Automatic")


def preview_settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """``found`` holds values by the names of ``PictureRequest``'s fields, and perhaps ``scheduler``.

    Without a prompt, that of the run stays. A seed of -1 is a new one for each picture, by which steps could not be compared: then
    the run's own stays too.
    """
    known = {key: value for key, value in found.items() if value is not None}
    settings = {ours: known[theirs] for theirs, ours in _SAME.items() if theirs in known}
    if prompt := " ".join(str(known.get("prompt", "")).split()):
        settings["preview_prompts"] = (prompt,)
    if sampler := known.get("sampler"):
        scheduler = known.get("scheduler", "")
        settings["preview_sampler"] = sampler if scheduler in _NO_SCHEDULER else f"{sampler} {scheduler}"
    seed = str(known.get("seed", "")).removesuffix(".0")  # web UIs may show it as a text
    if seed.isdecimal():
        settings["preview_seed"] = int(seed)
    return settings


def with_previews_from(config: TrainConfig, found: Mapping[str, Any]) -> TrainConfig:
    """The settings with those previews, where they are wanted and there is a tab to read them from."""
    return config.replace(**preview_settings(found)) if config.preview_from_txt2img and found else config

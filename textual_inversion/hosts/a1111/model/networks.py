"""LoRAs, hypernetworks and replaced U-Nets that the last picture left in the model."""

from __future__ import annotations

import sys
from typing import Any

import torch
from modules import extra_networks, processing, sd_unet, shared

from ...webui_page.options import options_set

_ADDED_TO_EVERY_PROMPT = {"sd_lora": "None", "sd_hypernetwork": "None"}


def clear_networks(model: Any) -> None:
    """Leave the checkpoint's own weights in the model, bit for bit.

    The next picture switches on by itself what its prompt names, so there is nothing to put back.
    """
    known = {name: value for name, value in _ADDED_TO_EVERY_PROMPT.items() if name in shared.opts.data_labels}
    with options_set(**known):
        extra_networks.activate(processing.StableDiffusionProcessingTxt2Img(), {})
    _take_out_of_weights(model)
    sd_unet.apply_unet("None")


@torch.no_grad()
def _take_out_of_weights(model: Any) -> None:
    """The Lora extension restores a layer when that next runs, which may be after the lease: have it done now."""
    apply = getattr(sys.modules.get("networks"), "network_apply_weights", None)
    if apply is None:
        return
    for layer in model.modules():
        if getattr(layer, "network_current_names", ()):
            apply(layer)

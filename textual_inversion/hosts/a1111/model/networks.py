"""LoRAs, hypernetworks and replaced U-Nets: those that the last picture left in the model, and those that a run asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from modules import extra_networks, processing, sd_unet, shared

from ....core.model.lora import LoraUse
from ...rng import forked
from ...webui_page.loras import in_prompts, known_weights, lora_extension, refused
from ...webui_page.options import options_set

_LAYERS = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.GroupNorm, torch.nn.LayerNorm, torch.nn.MultiheadAttention)
"""Layers whose forward the Lora extension has replaced; it gives names to all others as well."""

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


class ActiveLoras:
    """LoRAs of the web UI's own extension, switched on in the lent model."""

    def __init__(self, model: Any, uses: Sequence[LoraUse]) -> None:
        self._model = model
        self._weights = known_weights(uses)

    @property
    def prompt(self) -> str:
        """Words that a picture's prompt has to end with: the web UI switches everything off that its prompt does not name."""
        return in_prompts(self._weights)

    def switch_on(self) -> None:
        """Put them into every layer now. Raises InputError for one that is made for another model."""
        if not self._weights:
            return
        networks, weights = lora_extension(), list(self._weights.values())
        with forked():  # it makes layers, which draw their first weights
            networks.load_networks(list(self._weights), weights, weights, [None] * len(weights))
        loaded = {network.name: network for network in networks.loaded_networks}
        for name in self._weights:
            network = loaded.get(name) or next((each for each in loaded.values() if each.mentioned_name == name), None)
            if network is None or not network.modules:
                raise refused(name)
        with torch.no_grad():
            for layer in self._model.modules():
                if isinstance(layer, _LAYERS) and hasattr(layer, "network_layer_name"):
                    networks.network_apply_weights(layer)


@contextmanager
def active_loras(model: Any, uses: Sequence[LoraUse]) -> Iterator[ActiveLoras]:
    """Inside, the LoRAs are in the model; leaving takes them out. Raises InputError for one that the web UI does not know."""
    loras = ActiveLoras(model, uses)
    try:
        loras.switch_on()
        yield loras
    finally:
        if uses:
            clear_networks(model)

"""LoRAs that a run asks for: patchers of the engine's parts that put them in as the web UI would for a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...webui_page.loras import lora_extension, refused


def patchers_with(engine: Any, weights: Mapping[str, float]) -> tuple[Any, Any]:
    """Patcher of the U-Net, and of the text encoders, with these LoRAs by name and weight; the engine's own without any.

    They are in the weights once the patchers were brought, and out once the engine's own were. Raises InputError for one that
    is made for another kind of model.
    """
    objects = engine.forge_objects_original
    unet, clip = objects.unet, objects.clip
    for name, weight in weights.items():
        networks = lora_extension()
        file = networks.available_networks[name].filename
        before = unet, clip
        tensors = dict(networks.load_lora_state_dict(file))
        unet, clip = networks.load_lora_for_models(
            unet, clip, tensors, weight, weight, filename=file, online_mode=False
        )
        if (unet, clip) == before:
            raise refused(name)
    return unet, clip.patcher

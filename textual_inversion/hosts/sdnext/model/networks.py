"""LoRAs and other changes that the last picture left in the model, and LoRAs that a run asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from modules import extra_networks, shared
from modules.lora import lora_common, lora_diffusers, lora_load
from modules.processing import StableDiffusionProcessingTxt2Img
from modules.processing_helpers import apply_circular

from ....core.base.errors import InputError
from ....core.model.lora import LoraUse
from ...rng import forked
from ...swapped import swapped
from ..progress import progress_kept

_FREEU = ("s1", "s2", "b1", "b2")

Weights = Mapping[str, float]
"""LoRAs by the web UI's names for them."""


def clear_networks() -> None:
    """Take the LoRAs of the last picture out of the weights. Each picture puts in what its prompt names."""
    if lora_common.loaded_networks or lora_common.previously_loaded_networks or lora_diffusers.diffuser_loaded:
        _activate({})


def switch_on(loras: Weights) -> None:
    """Put these LoRAs into the weights, and no others. Raises InputError for one that is made for another model."""
    if not loras:
        return
    _activate(loras)
    loaded = {network.name for network in lora_common.loaded_networks if network.modules}
    loaded |= set(lora_diffusers.diffuser_loaded)
    for name in loras:
        if name not in loaded:
            raise InputError(
                f"SD.Next could not load the LoRA {name!r} into this checkpoint: it is made for another kind of model, or broken.",
                field="lora",
            )


def as_prompt(loras: Weights) -> str:
    """Words that a picture's prompt has to end with: the web UI switches everything off that its prompt does not name."""
    return "".join(f" <lora:{name}:{weight:g}>" for name, weight in loras.items())


def known_loras(uses: Sequence[LoraUse]) -> Weights:
    """Find the web UI's names of LoRAs that were named by path, file or that name. Raises InputError for one that it lacks."""
    return {_known_name(use): use.weight for use in uses}


def _known_name(use: LoraUse) -> str:
    for refresh in (False, True):
        if refresh:
            lora_load.list_available_networks()
        for name, found in lora_load.available_networks.items():
            file = Path(found.filename)
            if use.file == name or Path(use.file).name == file.name or Path(use.file).absolute() == file.absolute():
                return name
    raise InputError(
        f"SD.Next has no LoRA called {use.file!r}. Put the file into {shared.cmd_opts.lora_dir}, and name it here.",
        field="lora",
    )


def _activate(loras: Weights) -> None:
    with progress_kept(), forked():
        nothing = StableDiffusionProcessingTxt2Img()
        nothing.all_prompts = nothing.prompts = [""]
        entries = [extra_networks.ExtraNetworkParams(items=[name, f"{weight:g}"]) for name, weight in loras.items()]
        extra_networks.activate_filtered(nothing, {"lora": entries})


@contextmanager
def without_freeu(unet: Any) -> Iterator[None]:
    """FreeU's factors stay in the U-Net's blocks after a picture, until one is made without."""
    with ExitStack() as stack:
        for block in unet.up_blocks:
            held = {name: None for name in _FREEU if vars(block).get(name) is not None}
            stack.enter_context(swapped(block, **held))
        yield


@contextmanager
def without_tiling(pipe: Any) -> Iterator[None]:
    """The tiling of the last picture stays in the model's convolutions until the next one."""
    tiled = getattr(pipe, "texture_tiling", False) is True
    if tiled:
        apply_circular(False, pipe)
    try:
        yield
    finally:
        if tiled:
            apply_circular(True, pipe)

"""Check that the web UI still has the model that was lent, and still wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from modules import sd_models, sd_vae, shared

from ....core.base.errors import LeaseError

_ADVICE = "What was learned is saved; choose the first one again and resume the run to go on."


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """Record of what was loaded when the lease began. Weights can be put into the same object, so the file counts too."""

    model: Any
    file: str
    name: str
    vae: str | None
    vae_setting: str
    device: torch.device

    @classmethod
    def now(cls, model: Any) -> Pinned:
        return cls(
            model=model,
            file=model.sd_model_checkpoint,
            name=model.sd_checkpoint_info.model_name,
            vae=sd_vae.loaded_vae_file,
            vae_setting=shared.opts.sd_vae,
            device=_device(model),
        )

    def check(self, *, parked: bool = False) -> None:
        """Raise LeaseError where something else is loaded, or was chosen and waits for the run to end.

        ``parked``: we have the U-Net off its device ourselves.
        """
        if sd_models.model_data.sd_model is not self.model or self.model.sd_model_checkpoint != self.file:
            raise LeaseError(f"Another checkpoint was loaded in place of {self.name}. {_ADVICE}")
        chosen = sd_models.checkpoint_aliases.get(shared.opts.sd_model_checkpoint)
        if chosen is not None and chosen.filename != self.file:
            raise LeaseError(f"Another checkpoint was chosen ({chosen.model_name} in place of {self.name}). {_ADVICE}")
        if sd_vae.loaded_vae_file != self.vae or shared.opts.sd_vae != self.vae_setting:
            raise LeaseError(f"Another VAE was chosen ({shared.opts.sd_vae} in place of {self.vae_setting}). {_ADVICE}")
        if not parked and _device(self.model) != self.device:
            raise LeaseError(f"The web UI has moved the model from {self.device} to {_device(self.model)}. {_ADVICE}")


def _device(model: Any) -> torch.device:
    return model.model.diffusion_model.input_blocks[0][0].weight.device

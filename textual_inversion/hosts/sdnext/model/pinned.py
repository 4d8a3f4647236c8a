"""Check that the web UI still has the model that was lent, and still wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from modules import sd_checkpoint, shared

from ....core.base.errors import LeaseError
from .pipeline import present_pipe

_ADVICE = "What was learned is saved; choose the first one again and resume the run to go on."
_PARTS = {"sd_vae": "VAE", "sd_unet": "UNET", "sd_text_encoder": "text encoder"}
"""Settings that put another part into the model, and what they are called."""


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """Record of what was loaded when the lease began. Pipelines are made anew for tasks; their networks stay the same."""

    unet: Any
    vae: Any
    file: str
    name: str
    chosen: Mapping[str, str]
    device: torch.device

    @classmethod
    def now(cls, pipe: Any) -> Pinned:
        return cls(
            unet=pipe.unet,
            vae=pipe.vae,
            file=pipe.sd_checkpoint_info.filename,
            name=pipe.sd_checkpoint_info.model_name,
            chosen={setting: getattr(shared.opts, setting) for setting in _PARTS},
            device=pipe.unet.device,
        )

    def check(self, *, parked: bool = False) -> None:
        """Raise LeaseError where something else is loaded, or was chosen and waits for the run to end.

        ``parked``: we have the U-Net off its device ourselves.
        """
        pipe = present_pipe()
        if (
            pipe is None
            or getattr(pipe, "unet", None) is not self.unet
            or pipe.sd_checkpoint_info.filename != self.file
        ):
            raise LeaseError(f"Another checkpoint was loaded in place of {self.name}. {_ADVICE}")
        wanted = sd_checkpoint.checkpoint_aliases.get(shared.opts.sd_model_checkpoint)
        if wanted is not None and wanted.filename != self.file:
            raise LeaseError(f"Another checkpoint was chosen ({wanted.model_name} in place of {self.name}). {_ADVICE}")
        for setting, part in _PARTS.items():
            before, now = self.chosen[setting], getattr(shared.opts, setting)
            if now != before:
                raise LeaseError(f"Another {part} was chosen ({now} in place of {before}). {_ADVICE}")
        if not parked and self.unet.device != self.device:
            raise LeaseError(f"SD.Next has moved the model from {self.device} to {self.unet.device}. {_ADVICE}")

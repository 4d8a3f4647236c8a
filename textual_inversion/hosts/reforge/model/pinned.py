"""Check that the web UI still has the model that was lent, and still wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modules import sd_models, shared

from ....core.base.errors import LeaseError

_ADVICE = "What was learned is saved; choose the first one again and resume the run to go on."


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """Record of what was loaded when the lease began. ``vae`` and ``text_encoder`` are the web UI's choices of other ones."""

    model: Any
    file: str
    name: str
    vae: object
    text_encoder: object

    @classmethod
    def now(cls, model: Any) -> Pinned:
        return cls(
            model=model,
            file=model.sd_model_checkpoint,
            name=model.sd_checkpoint_info.model_name,
            vae=getattr(shared.opts, "sd_vae", None),
            text_encoder=getattr(shared.opts, "sd_text_encoder", None),
        )

    def check(self) -> None:
        """Raise LeaseError where something else is loaded, or was chosen and waits for the run to end."""
        if sd_models.model_data.sd_model is not self.model or self.model.sd_model_checkpoint != self.file:
            raise LeaseError(f"Another checkpoint was loaded in place of {self.name}. {_ADVICE}")
        chosen = sd_models.checkpoint_aliases.get(shared.opts.sd_model_checkpoint)
        if chosen is not None and chosen.filename != self.file:
            raise LeaseError(f"Another checkpoint was chosen ({chosen.model_name} in place of {self.name}). {_ADVICE}")
        vae, text = getattr(shared.opts, "sd_vae", None), getattr(shared.opts, "sd_text_encoder", None)
        if vae != self.vae:
            raise LeaseError(f"Another VAE was chosen ({vae} in place of {self.vae}). {_ADVICE}")
        if text != self.text_encoder:
            raise LeaseError(f"Another text encoder was chosen ({text} in place of {self.text_encoder}). {_ADVICE}")

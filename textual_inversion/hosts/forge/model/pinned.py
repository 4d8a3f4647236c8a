"""Check that the web UI still has the engine that was lent, and still wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modules import sd_models

from ....core.base.errors import LeaseError

_ADVICE = "What was learned is saved; choose the first one again and resume the run to go on."


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """Record of what was loaded when the lease began.

    A choice at the top of the page changes only the parameters of the next load, which the next picture then does; so what is
    wanted is compared too, or a preview would load it.
    """

    engine: Any
    loaded: str
    file: str
    name: str

    @classmethod
    def now(cls, engine: Any) -> Pinned:
        info = engine.sd_checkpoint_info
        return cls(engine=engine, loaded=sd_models.model_data.forge_hash, file=info.filename, name=info.model_name)

    def check(self) -> None:
        """Raise LeaseError where something else is loaded, or was chosen and waits for the run to end."""
        data = sd_models.model_data
        if data.sd_model is not self.engine or data.forge_hash != self.loaded:
            raise LeaseError(f"Another checkpoint was loaded in place of {self.name}. {_ADVICE}")
        if str(data.forge_loading_parameters) == self.loaded:
            return
        chosen = data.forge_loading_parameters.get("checkpoint_info")
        if chosen is not None and chosen.filename != self.file:
            raise LeaseError(f"Another checkpoint was chosen ({chosen.model_name} in place of {self.name}). {_ADVICE}")
        raise LeaseError(
            f"The web UI was told to load {self.name} in another way (another VAE or text encoder, or other bits). What was learned is "
            "saved; resume the run to go on with that, or set it back first."
        )

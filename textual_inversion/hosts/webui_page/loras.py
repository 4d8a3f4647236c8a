"""LoRAs that a run asks for, by the names of the extension that comes with the web UI (``Lora``, ``sd_forge_lora``)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modules import shared

from ...core.base.errors import InputError, LeaseError
from ...core.model.lora import LoraUse


def lora_extension() -> Any:
    """Its module, which it puts beside those of the whole program. Raises LeaseError where it is switched off."""
    networks = sys.modules.get("networks")
    if networks is None:
        raise LeaseError(
            "The web UI's own Lora extension is switched off, so no LoRA can be active. Switch it on under Extensions."
        )
    return networks


def known_weights(uses: Sequence[LoraUse]) -> dict[str, float]:
    """The weight of each LoRA by its name. Raises InputError for one that the web UI does not have."""
    return {_known_name(use): use.weight for use in uses}


def in_prompts(weights: Mapping[str, float]) -> str:
    """Words that a picture's prompt has to end with: the web UI switches everything off that its prompt does not name."""
    return "".join(f" <lora:{name}:{weight:g}>" for name, weight in weights.items())


def refused(name: str) -> InputError:
    """The error of one that the web UI could not put into the model."""
    return InputError(
        f"The web UI could not load the LoRA {name!r} into this checkpoint: it is made for another kind of model, or broken.",
        field="lora",
    )


def _known_name(use: LoraUse) -> str:
    """Find the web UI's name of a LoRA that was named by its path, its file or that name."""
    networks = lora_extension()
    wanted, plain = Path(use.file), Path(use.file).name
    for refresh in (False, True):
        if refresh:
            networks.list_available_networks()
        for name, found in networks.available_networks.items():
            if (
                use.file == name
                or plain == Path(found.filename).name
                or wanted.absolute() == Path(found.filename).absolute()
            ):
                return name
    folder = getattr(shared.cmd_opts, "lora_dir", "")
    raise InputError(
        f"The web UI has no LoRA called {use.file!r}. Put the file into {folder}, and name it here.", field="lora"
    )

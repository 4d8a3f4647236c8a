"""The VAE that a run asks for, in the model as long as it is lent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modules import sd_vae

from ....core.base.errors import FileFormatError, InputError
from ....core.model.host import OWN_VAE
from ...swapped import swapped


def vae_file(name: str) -> str | None:
    """Find the web UI's VAE of that name; None for the checkpoint's own. Raises InputError telling what there is."""
    if name == OWN_VAE:
        return None
    if name not in sd_vae.vae_dict:
        sd_vae.refresh_vae_list()  # it may have been put there since
    if name in sd_vae.vae_dict:
        return sd_vae.vae_dict[name]
    raise InputError(
        f"SD.Next has no VAE called {name!r}. There are: {', '.join([OWN_VAE, *sorted(sd_vae.vae_dict, key=str.casefold)])}. "
        f"Leave the field as set for the one that SD.Next uses, or put the file into {sd_vae.vae_path}.",
        field="vae",
    )


@contextmanager
def chosen_vae(pipe: Any, name: str) -> Iterator[None]:
    """Inside, the model has this VAE beside its own. Raises InputError or FileFormatError where it cannot be had."""
    if not name:
        yield
        return
    file = vae_file(name)
    if _wanted(file) == sd_vae.loaded_vae_file:
        yield
        return
    before = sd_vae.loaded_vae_file
    checkpoint = pipe.sd_checkpoint_info.filename
    try:
        vae = sd_vae.load_vae(checkpoint, file or _own_file(checkpoint))
        if vae is None:
            raise FileFormatError(f"SD.Next could not load the VAE {name}; its console says why.", field="vae")
        with swapped(pipe, vae=vae):
            sd_vae.loaded_vae_file = _wanted(file)
            if file is not None:
                sd_vae.apply_vae_config(checkpoint, file, pipe)
            yield
    finally:
        if sd_vae.loaded_vae_file == _wanted(file):
            sd_vae.loaded_vae_file = before


def _wanted(file: str | None) -> str | None:
    """As the web UI notes what is loaded."""
    return None if file is None else Path(file).name


def _own_file(checkpoint: str) -> str:
    path = Path(checkpoint)
    return str(path / "vae") if path.is_dir() else checkpoint

"""reForge or Forge Classic as the owner of model, folders and prompt box. Implements ``core.host.Host``.

The web UI starts with this; what only a lease needs is imported with the first one.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules import sd_hijack, sd_models, shared

from ...core.base.errors import InputError, LeaseError
from ...core.dataset.templates import shipped_templates_dir
from ...core.embeddings_folder.find import EMBEDDING_SUFFIXES
from ...core.model.host import OWN_VAE, LeaseRequest
from ...core.model.shape import ModelShape
from ..webui_page import cards

if TYPE_CHECKING:
    from .lease import ReforgeLease

_USUAL_SIZE = 512


class ReforgeHost:
    """The web UI itself owns everything; this only borrows. Whoever takes a lease holds the web UI's queue lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lent = threading.Lock()

    @property
    def embeddings_dir(self) -> Path:
        return Path(shared.cmd_opts.embeddings_dir)

    @property
    def template_dirs(self) -> Sequence[Path]:
        own = getattr(shared.cmd_opts, "textual_inversion_templates_dir", None)
        return (*([Path(own)] if own else []), shipped_templates_dir())

    @property
    def native_size(self) -> int:
        """Of the loaded checkpoint; 512 while none is. Does not load one: forms ask while the web UI starts."""
        model = _loaded()
        if model is None:
            return _USUAL_SIZE
        from ..hijacked_text.encoders import encoders_of
        from .model.loaded import native_size

        try:
            return native_size(model, encoders_of(model)[0])
        except LeaseError:  # one that cannot be trained on; a lease says so
            return _USUAL_SIZE

    def model_shape(self) -> ModelShape | None:
        model = _loaded()
        if model is None:
            return None
        from ..hijacked_text.encoders import encoders_of
        from ..ldm_shape import ldm_shape
        from .model.loaded import text_of, unet_dtype, unet_of, vae_of

        try:
            encoders_of(model)
        except LeaseError:
            return None
        objects = model.forge_objects_original
        return ldm_shape(
            unet=unet_of(model),
            vae=vae_of(model),
            text=text_of(model),
            device=objects.unet.load_device,
            unet_dtype=unet_dtype(model),
            vae_dtype=objects.vae.vae_dtype,
        )

    def count_tokens(self, text: str) -> int | None:
        model = _loaded()
        if model is None:
            return None
        from ..hijacked_text.encoders import encoders_of

        try:
            return len(next(iter(encoders_of(model)[1].values())).tokenize(text))
        except LeaseError:
            return None

    def vae_names(self) -> Sequence[str]:
        """None: a run takes the VAE that the web UI has."""
        return ()

    def find_vae(self, name: str) -> Path | None:
        if name == OWN_VAE:
            return None
        raise InputError(
            "This web UI has one VAE for pictures and runs alike. Choose it in its settings, and leave this empty.",
            field="vae",
        )

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[ReforgeLease]:
        """Borrow the loaded model. Raises LeaseError where it is lent already, or cannot be trained on (so)."""
        from .lending import lent

        if not self._lent.acquire(blocking=False):
            raise LeaseError("The model is in use by another run. Wait for it to end, or stop it first.")
        try:
            with lent(request) as lease:
                yield lease
        finally:
            self._lent.release()

    def embedding_names(self) -> set[str]:
        """Those of the web UI's database, and of the files in its folder, which it reads with its first model only."""
        folder = self.embeddings_dir
        files = folder.rglob("*") if folder.is_dir() else ()
        names = {path.stem for path in files if path.suffix.lower() in EMBEDDING_SUFFIXES}
        return names | set(self.known_names())

    def known_names(self) -> Collection[str]:
        """Those that prompts know now."""
        return sd_hijack.model_hijack.embedding_db.word_embeddings

    def publish(self, path: Path) -> None:
        """Have the web UI read its folder again, and show what lies there on its cards.

        It looks by itself only when the folder's own time changes, and makes its cards only when Refresh is pressed.
        """
        from ..webui_page.pictures import forget_cached_conditioning

        forget_cached_conditioning()
        if _loaded() is not None:
            sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)
        cards.refresh()


def _loaded() -> Any | None:
    """The model; None until it has its parts."""
    model = sd_models.model_data.sd_model
    return model if getattr(model, "forge_objects_original", None) is not None else None

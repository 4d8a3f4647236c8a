"""AUTOMATIC1111's web UI as the owner of model, folders and prompt box. Implements ``core.host.Host``.

The web UI starts with this; what only a lease needs is imported with the first one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modules import sd_hijack, sd_models, sd_vae, shared

from ...core.base.errors import LeaseError
from ...core.dataset.templates import shipped_templates_dir
from ...core.embeddings_folder.find import EMBEDDING_SUFFIXES
from ...core.model.captioning import CaptionModels
from ...core.model.host import LeaseRequest
from ...core.model.shape import ModelShape
from ..webui_page import cards

if TYPE_CHECKING:
    from .lease import A1111Lease

_USUAL_SIZE = 512


class A1111Host:
    """The web UI itself owns everything; this only borrows. Whoever takes a lease holds the web UI's queue lock."""

    name = "AUTOMATIC1111"

    def __init__(self) -> None:
        self._lent = threading.Lock()

    @property
    def embeddings_dir(self) -> Path:
        return Path(shared.cmd_opts.embeddings_dir)

    @property
    def template_dirs(self) -> Sequence[Path]:
        return (Path(shared.cmd_opts.textual_inversion_templates_dir), shipped_templates_dir())

    @property
    def native_size(self) -> int:
        """Of the loaded checkpoint; 512 while none is. Does not load one: forms ask while the web UI starts."""
        model = sd_models.model_data.sd_model
        if model is None:
            return _USUAL_SIZE
        from ..hijacked_text.encoders import encoders_of
        from .model.model import native_size

        return native_size(model, encoders_of(model)[0])

    def model_shape(self) -> ModelShape | None:
        model = sd_models.model_data.sd_model
        if model is None:
            return None
        from .model.shape import shape_of

        return shape_of(model)

    def count_tokens(self, text: str) -> int | None:
        model = sd_models.model_data.sd_model
        if model is None:
            return None
        from ..hijacked_text.encoders import encoders_of

        return len(next(iter(encoders_of(model)[1].values())).tokenize(text))

    def vae_names(self) -> Sequence[str]:
        """Those of the web UI's settings."""
        return sorted(sd_vae.vae_dict, key=str.casefold)

    def find_vae(self, name: str) -> Path | None:
        from .model.vae_choice import vae_file

        file = vae_file(name)
        return Path(file) if file else None

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[A1111Lease]:
        """Borrow the loaded model. Raises LeaseError where it is lent already, or cannot be trained on (so)."""
        from .lending import lent

        if not self._lent.acquire(blocking=False):
            raise LeaseError("The model is in use by another run. Wait for it to end, or stop it first.")
        try:
            with lent(request) as lease:
                yield lease
        finally:
            self._lent.release()

    @property
    def caption_models(self) -> CaptionModels:
        """BLIP and deepbooru of the web UI."""
        from .model.captioning import A1111CaptionModels

        return A1111CaptionModels()

    def embedding_names(self) -> set[str]:
        """Those of the web UI's database, and of the files in its folder, which it reads with its first model only."""
        folder = self.embeddings_dir
        files = folder.rglob("*") if folder.is_dir() else ()
        names = {path.stem for path in files if path.suffix.lower() in EMBEDDING_SUFFIXES}
        return names | set(sd_hijack.model_hijack.embedding_db.word_embeddings)

    def publish(self, path: Path) -> None:
        """Have the web UI read its folder again, and show what lies there on its cards.

        It looks by itself only when the folder's own time changes, and makes its cards only when Refresh is pressed.
        """
        from ..webui_page.pictures import forget_cached_conditioning

        forget_cached_conditioning()
        if sd_models.model_data.sd_model is not None:
            sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)
        cards.refresh()

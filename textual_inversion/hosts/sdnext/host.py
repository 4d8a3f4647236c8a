"""SD.Next as the owner of model, folders and prompt box. Implements ``core.host.Host``.

The web UI starts with this; what only a lease needs is imported with the first one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules import sd_vae, shared
from modules.modeldata import model_data

from ...core.base.errors import LeaseError
from ...core.dataset.templates import shipped_templates_dir
from ...core.model.host import LeaseRequest
from ...core.model.shape import ModelShape
from ...core.record.kept_steps import StepCopies

if TYPE_CHECKING:
    from .lease import SDNextLease
    from .text.encoders import HostEncoder

_EMBEDDING_SUFFIXES = (".pt", ".safetensors")
_USUAL_SIZE = 512


class SDNextHost:
    """The web UI itself owns everything; this only borrows. Whoever takes a lease holds the web UI's queue lock."""

    name = "SD.Next"

    def __init__(self) -> None:
        self._lent = threading.Lock()
        self.copies: StepCopies | None = None
        self._encoder: tuple[Any, HostEncoder] | None = None

    @property
    def embeddings_dir(self) -> Path:
        return Path(shared.opts.embeddings_dir)

    @property
    def template_dirs(self) -> Sequence[Path]:
        return (shipped_templates_dir(),)

    @property
    def native_size(self) -> int:
        """Of the loaded checkpoint; 512 while none is. Does not load one: forms ask while the web UI starts."""
        pipe = self._trainable()
        if pipe is None:
            return _USUAL_SIZE
        from .model.pipeline import native_size

        return native_size(pipe)

    def model_shape(self) -> ModelShape | None:
        pipe = self._trainable()
        if pipe is None:
            return None
        from ..diffusers_model.shape import shape_of
        from .model.pipeline import device, text_encoders

        text = [model for _, model in text_encoders(pipe).values()]
        return shape_of(unet=pipe.unet, vae=pipe.vae, text=text, device=device())

    def count_tokens(self, text: str) -> int | None:
        pipe = self._trainable()
        if pipe is None:
            return None
        if self._encoder is None or self._encoder[0] is not pipe.tokenizer:
            from .text.encoders import HostEncoder

            self._encoder = (pipe.tokenizer, HostEncoder(pipe.tokenizer, pipe.text_encoder))
        return len(self._encoder[1].tokenize(text))

    @staticmethod
    def _trainable() -> Any | None:
        """The loaded pipeline; None while none is, or where it cannot be trained on anyway."""
        if model_data.sd_model is None:
            return None
        from .model.refusals import loaded_pipe

        try:
            return loaded_pipe()
        except LeaseError:
            return None

    def vae_names(self) -> Sequence[str]:
        """Those of the web UI's settings."""
        return sorted(sd_vae.vae_dict, key=str.casefold)

    def find_vae(self, name: str) -> Path | None:
        from .model.vae_choice import vae_file

        file = vae_file(name)
        return Path(file) if file else None

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[SDNextLease]:
        """Borrow the loaded model. Raises LeaseError where it is lent already, or cannot be trained on (so)."""
        from .lending import lent

        if not self._lent.acquire(blocking=False):
            raise LeaseError("The model is in use by another run. Wait for it to end, or stop it first.")
        try:
            with lent(request, copies=self.copies) as lease:
                yield lease
        finally:
            self._lent.release()

    def embedding_names(self) -> set[str]:
        """Those of the web UI's database, and of the files in its folder."""
        folder = self.embeddings_dir
        files = folder.rglob("*") if folder.is_dir() else ()
        names = {path.stem for path in files if path.suffix.lower() in _EMBEDDING_SUFFIXES}
        database = getattr(model_data.sd_model, "embedding_db", None)
        return names | set(database.word_embeddings if database is not None else ())

    def publish(self, path: Path) -> None:
        """Have the web UI read its folder again: it looks by itself only when a checkpoint is loaded, or Refresh is pressed."""
        from .text.database import read_again

        read_again(model_data.sd_model)

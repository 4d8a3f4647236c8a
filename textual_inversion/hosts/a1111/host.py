"""AUTOMATIC1111's web UI as the owner of model, folders and prompt box. Implements ``core.host.Host``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ldm.modules.attention
import ldm.modules.diffusionmodules.openaimodel
import sgm.modules.attention
import sgm.modules.diffusionmodules.openaimodel
from modules import sd_hijack, sd_models, shared
from torch import nn

from ...core.errors import LeaseError
from ...core.host import LeaseRequest
from ...core.templates import shipped_templates_dir
from ..checkpointing import checkpointed
from ..frozen import frozen
from .attention import Attention
from .lease import A1111Lease
from .medvram import staying_on_device
from .model import check_precision, loaded_model, native_size
from .networks import clear_networks
from .pictures import forget_cached_conditioning, without_tiling
from .pinned import Pinned
from .text import encoders_of

_BLOCKS = (
    ldm.modules.attention.BasicTransformerBlock,
    ldm.modules.diffusionmodules.openaimodel.ResBlock,
    sgm.modules.attention.BasicTransformerBlock,
    sgm.modules.diffusionmodules.openaimodel.ResBlock,
)
_EMBEDDING_SUFFIXES = (".pt", ".bin", ".safetensors")
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
        return _USUAL_SIZE if model is None else native_size(model, encoders_of(model)[0])

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[A1111Lease]:
        """Borrow the loaded model. Raises LeaseError where it is lent already, or cannot be trained on (so)."""
        if not self._lent.acquire(blocking=False):
            raise LeaseError("The model is in use by another run. Wait for it to end, or stop it first.")
        with ExitStack() as stack:
            stack.callback(self._lent.release)
            model = loaded_model()
            check_precision(request)
            encoders_of(model)
            stack.enter_context(staying_on_device(model))
            clear_networks(model)
            stack.enter_context(without_tiling())
            stack.enter_context(frozen([model]))
            attention = Attention()
            stack.enter_context(attention.differentiable())
            if request.checkpointing:
                stack.enter_context(checkpointed(_blocks(model)))
            lease = A1111Lease(model, request, attention=attention, pinned=Pinned.now(model))
            stack.callback(lease.vae.unpark)
            yield lease

    def embedding_names(self) -> set[str]:
        """Those of the web UI's database, and of the files in its folder, which it reads with its first model only."""
        folder = self.embeddings_dir
        files = folder.rglob("*") if folder.is_dir() else ()
        names = {path.stem for path in files if path.suffix.lower() in _EMBEDDING_SUFFIXES}
        return names | set(sd_hijack.model_hijack.embedding_db.word_embeddings)

    def publish(self, path: Path) -> None:
        """Have the web UI read its folder again: it looks by itself only when the folder's own time changes."""
        forget_cached_conditioning()
        if sd_models.model_data.sd_model is not None:
            sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)


def _blocks(model: Any) -> list[nn.Module]:
    return [part for part in model.model.diffusion_model.modules() if isinstance(part, _BLOCKS)]

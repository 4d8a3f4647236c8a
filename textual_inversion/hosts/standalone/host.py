"""A host that owns its model: no web UI needed. Implements ``core.host.Host``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from ...core.base.errors import LeaseError
from ...core.model.host import LeaseRequest
from ...core.model.shape import ModelShape
from ...core.record.kept_steps import StepCopies
from ..diffusers_model.shape import shape_of
from ..recompute.recomputation import Recomputation
from .device import Precision, choose_device, unet_dtype, unused_card
from .lease import StandaloneLease, frozen
from .loading import LoadedModel, load_model
from .lora.merged import with_loras
from .text.embeddings import EmbeddingLibrary
from .vae_file import find_vae, with_vae

PACKAGE = Path(__file__).resolve().parents[2]
DEMO_CHECKPOINT = PACKAGE / "demo" / "assets" / "demo.safetensors"
SHIPPED_TEMPLATES = PACKAGE.parent / "templates"


class StandaloneHost:
    """Owns one checkpoint at a time, loaded when it is first needed and kept.

    One lease at a time: a second one is refused with a sentence.
    """

    name = "standalone"

    def __init__(
        self,
        *,
        embeddings_dir: Path,
        checkpoint: Path | None = None,
        device: str | None = None,
        threads: int | None = None,
        template_dirs: Sequence[Path] = (),
        precision: Precision = "auto",
        copies: StepCopies | None = None,
    ) -> None:
        """``checkpoint`` None is the demo; ``device`` None picks CUDA, MPS or the CPU; ``threads`` are torch's own;
        ``precision`` is used for what asks for none itself (auto); ``copies`` are looked through for ``name@step`` in prompts.

        Raises LeaseError for a device that cannot be used.
        """
        self._checkpoint = checkpoint or DEMO_CHECKPOINT
        self._embeddings_dir = embeddings_dir
        self._template_dirs = (*template_dirs, SHIPPED_TEMPLATES)
        self._library = EmbeddingLibrary(embeddings_dir)
        self._model: LoadedModel | None = None
        self._lent, self._loading = threading.Lock(), threading.Lock()
        self.device = choose_device(device)
        self.copies = copies
        self._own_dtype = unet_dtype(precision, self.device)
        if threads is not None:
            torch.set_num_threads(threads)

    @property
    def checkpoint(self) -> Path:
        """The file that is, or will be, loaded."""
        return self._checkpoint

    @property
    def embeddings_dir(self) -> Path:
        return self._embeddings_dir

    @property
    def template_dirs(self) -> Sequence[Path]:
        return self._template_dirs

    @property
    def native_size(self) -> int:
        model = self.load()
        return model.layout.native_size(model.schedule.prediction_type)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for a person before a run: an NVIDIA card that is not used, guesses about the checkpoint."""
        card = unused_card() if self.device.type == "cpu" else None
        guesses = self._model.layout.warnings if self._model else ()
        return ((card,) if card else ()) + guesses

    def model_shape(self) -> ModelShape | None:
        if self._model is None:
            return None
        networks = self._model.networks
        text = [tower.model for tower in networks.text.values()]
        return shape_of(unet=networks.unet, vae=networks.vae, text=text, device=self._model.device)

    def count_tokens(self, text: str) -> int | None:
        return len(next(iter(self._model.encoders.values())).tokenize(text)) if self._model else None

    def use_checkpoint(self, path: Path | None) -> None:
        """Choose another checkpoint (None: the demo). A run that holds the old one stops at its next ``check``."""
        self._checkpoint = path or DEMO_CHECKPOINT
        self._model = None

    def load(self, request: LeaseRequest | None = None) -> LoadedModel:
        """The model in the precision asked for; read from its file where it is not yet there so.

        Raises LeaseError, FileFormatError or ResourceError with a sentence.
        """
        dtype = self._dtype_for(request) if request else None
        with self._loading:
            model = self._model
            if model is None or (dtype is not None and dtype != model.unet_dtype):
                self._model = None  # free the old one before the new one is read
                wanted = dtype or self._own_dtype
                model = self._model = load_model(self._checkpoint, device=self.device, unet_dtype=wanted)
            return model

    def _dtype_for(self, request: LeaseRequest) -> torch.dtype:
        return self._own_dtype if request.precision == "auto" else unet_dtype(request.precision, self.device)

    def vae_names(self) -> Sequence[str]:
        """None by name: a VAE is asked for by its path."""
        return ()

    def find_vae(self, name: str) -> Path | None:
        return find_vae(name)

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[StandaloneLease]:
        """Borrow the model. Raises LeaseError where it is lent already or cannot be loaded."""
        if not self._lent.acquire(blocking=False):
            raise LeaseError("The model is in use by another run. Wait for it to end, or stop it first.")
        try:
            model = self.load(request)
            self._library.refresh()
            open_ = True
            with ExitStack() as stack:
                lent = stack.enter_context(with_vae(model, request.vae))
                stack.enter_context(with_loras(lent, request.loras))
                stack.enter_context(frozen(lent.modules()))
                lease = StandaloneLease(
                    lent,
                    request=request,
                    library=self._library,
                    copies=self.copies,
                    recomputation=stack.enter_context(Recomputation(lent.networks.unet, request.recompute)),
                    still_loaded=lambda: open_ and self._model is model,
                )
                try:
                    yield lease
                finally:
                    open_ = False
                    lease.unpark()
        finally:
            self._lent.release()

    def embedding_names(self) -> set[str]:
        self._library.refresh()
        return set(self._library.entries())

    def publish(self, path: Path) -> None:
        self._library.refresh(anew=path)

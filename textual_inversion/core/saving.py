"""What a run writes besides its previews: copies, pictures that carry the vectors, the finished embedding."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from PIL import Image

from .config import TrainConfig
from .embedding import ANY_ENCODER, Embedding
from .events import Emit, Saved, Warned
from .formats import write_embedding
from .host import CheckpointInfo
from .replaced import set_aside_others
from .rundir import RunDirectory

_BLANK_SIZE = (512, 512)


@dataclass(kw_only=True)
class Saver:
    """Writes embeddings of one run, each atomically, and announces them.

    ``origin`` is the file in the embeddings folder that training began with.
    """

    config: TrainConfig
    run: RunDirectory
    checkpoint: CheckpointInfo
    notes: Mapping[str, str]
    emit: Emit
    origin: Path | None = None

    def suffix(self, vectors: Mapping[str, torch.Tensor]) -> str:
        """SDXL embeddings cannot be .pt files of A1111's form."""
        return ".safetensors" if len(vectors) > 1 or self.config.use_safetensors else ".pt"

    def embedding(self, vectors: Mapping[str, torch.Tensor], *, step: int, name: str | None = None) -> Embedding:
        """The vectors with all that files can say about them."""
        plain = {key: rows.detach().float().cpu() for key, rows in vectors.items()}
        if len(plain) == 1:
            plain = {ANY_ENCODER: next(iter(plain.values()))}
        return Embedding(
            vectors=plain,
            name=name or self.config.name,
            step=step,
            checkpoint_hash=self.checkpoint.short_hash,
            checkpoint_name=self.checkpoint.name,
            notes=self.notes,
        )

    def copy(self, vectors: Mapping[str, torch.Tensor], *, step: int, best_step: int | None) -> Path:
        """A copy of this step in the run's folder; older ones beyond the limit go, the best one stays."""
        path = self.run.copy(step, self.suffix(vectors))
        write_embedding(self.embedding(vectors, step=step, name=f"{self.config.name}-{step}"), path)
        self._announce(path, step=step, what="copy")
        if self.config.keep_copies:
            self._prune(best_step)
        return path

    def carrier(self, vectors: Mapping[str, torch.Tensor], *, step: int, picture: Image.Image | None) -> Path:
        """The preview (or a plain picture) carrying the vectors in a text chunk and in its pixels."""
        path = self.run.carrier(step)
        image = picture or Image.new("RGB", _BLANK_SIZE, (64, 64, 64))
        write_embedding(self.embedding(vectors, step=step), path, file_format="png", image=image)
        self._announce(path, step=step, what="picture")
        return path

    def final(self, vectors: Mapping[str, torch.Tensor], *, step: int, embeddings_dir: Path) -> Path:
        """The finished embedding: exactly one file of that name, replaced at once."""
        path = embeddings_dir / f"{self.config.name}{self.suffix(vectors)}"
        write_embedding(self.embedding(vectors, step=step), path)
        for sentence in set_aside_others(path, origin=self.origin, into=self.run.root / "replaced"):
            self.emit(Warned(message=sentence))
        self._announce(path, step=step, what="final")
        return path

    def _announce(self, path: Path, *, step: int, what: Literal["copy", "picture", "final"]) -> None:
        self.emit(Saved(step=step, what=what, path=str(path)))

    def _prune(self, best_step: int | None) -> None:
        copies = self.run.copies()
        old = list(copies)[: -self.config.keep_copies]
        for step in old:
            if step != best_step:
                with suppress(OSError):  # another program may hold it: it goes with a later copy
                    copies[step].unlink(missing_ok=True)

"""Files of a run besides its previews: copies, pictures that carry the vectors, the finished embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from PIL import Image

from ..embedding.embedding import ANY_ENCODER, Embedding
from ..embedding.pair import negative_half, negative_name, negative_path, positive_half
from ..embeddings_folder.set_aside import set_aside_others
from ..formats import write_embedding, write_pair
from ..model.host import CheckpointInfo
from ..model.lora import LoraUse
from ..settings.train_config import TrainConfig
from .events import Emit, Saved, Warned
from .pair_copies import pair_notes
from .run_folder import RunDirectory

_BLANK_SIZE = (512, 512)


@dataclass(kw_only=True)
class Saver:
    """Writes embeddings of one run, each atomically, and announces them.

    Of a pair (``core.halves``) both are written together or none. ``origin`` is the file in the embeddings folder that
    training began with; ``partner_origin`` and ``partner_notes`` are those of the negative half. ``loras`` were in the model.
    """

    config: TrainConfig
    run: RunDirectory
    checkpoint: CheckpointInfo
    notes: Mapping[str, str]
    emit: Emit
    origin: Path | None = None
    partner_notes: Mapping[str, str] = field(default_factory=dict[str, str])
    partner_origin: Path | None = None
    loras: Sequence[LoraUse] = ()

    def suffix(self, vectors: Mapping[str, torch.Tensor]) -> str:
        """The ending of the vectors' file, [vectors, width] by encoder: SDXL embeddings cannot be .pt files of
        A1111's form."""
        return ".safetensors" if len(positive_half(vectors)) > 1 or self.config.use_safetensors else ".pt"

    def embedding(self, vectors: Mapping[str, torch.Tensor], *, step: int, name: str | None = None) -> Embedding:
        """The vectors [vectors, width] (of a pair the positive ones) with all that files can say about them."""
        notes = pair_notes(self.config, self.notes, negative=False) if negative_half(vectors) else self.notes
        return self._embedding(positive_half(vectors), step=step, name=name or self.config.name, notes=notes)

    def partner(self, vectors: Mapping[str, torch.Tensor], *, step: int, name: str | None = None) -> Embedding | None:
        """The negative half of ``vectors`` [vectors, width], None where there is no pair."""
        if not (rows := negative_half(vectors)):
            return None
        notes = pair_notes(self.config, self.partner_notes, negative=True)
        return self._embedding(rows, step=step, name=name or negative_name(self.config.name), notes=notes)

    def _embedding(
        self, vectors: Mapping[str, torch.Tensor], *, step: int, name: str, notes: Mapping[str, str]
    ) -> Embedding:
        """The vectors [vectors, width] as files have them: float32 on the CPU, without a key where there is one
        encoder."""
        plain = {key: rows.detach().float().cpu() for key, rows in vectors.items()}
        if len(plain) == 1:
            plain = {ANY_ENCODER: next(iter(plain.values()))}
        return Embedding(
            vectors=plain,
            name=name,
            step=step,
            checkpoint_hash=self.checkpoint.short_hash,
            checkpoint_name=self.checkpoint.name,
            notes={**notes, **lora_notes(self.loras)},
        )

    def copy(self, vectors: Mapping[str, torch.Tensor], *, step: int, best_step: int | None) -> Path:
        """A copy of this step's vectors [vectors, width] in the run's folder; older ones beyond the limit go, the
        best one stays."""
        suffix, name = self.suffix(vectors), f"{self.config.name}-{step}"
        path = self.run.copy(step, suffix)
        partner = self.partner(vectors, step=step, name=negative_name(name))
        self._write(self.embedding(vectors, step=step, name=name), path, partner, self.run.negative_copy(step, suffix))
        self._announce(path, step=step, what="copy")
        if self.config.keep_copies:
            self._prune(best_step)
        return path

    def carrier(self, vectors: Mapping[str, torch.Tensor], *, step: int, picture: Image.Image | None) -> Path:
        """The preview (or a plain picture) carrying the vectors [vectors, width] in a text chunk and in its pixels."""
        path = self.run.carrier(step)
        image = picture or Image.new("RGB", _BLANK_SIZE, (64, 64, 64))
        write_embedding(
            self.embedding(vectors, step=step),
            path,
            file_format="png",
            image=image,
            partner=self.partner(vectors, step=step),
        )
        self._announce(path, step=step, what="picture")
        return path

    def final(self, vectors: Mapping[str, torch.Tensor], *, step: int, embeddings_dir: Path) -> Path:
        """The finished embedding of ``vectors`` [vectors, width]: exactly one file of that name, replaced at once;
        of a pair two, replaced together.

        Returns the (positive) embedding's file.
        """
        path = embeddings_dir / f"{self.config.name}{self.suffix(vectors)}"
        partner, other = self.partner(vectors, step=step), negative_path(path)
        self._write(self.embedding(vectors, step=step), path, partner, other)
        if partner is not None:
            self._take_over(other, self.partner_origin, step=step)
        self._take_over(path, self.origin, step=step)
        return path

    def _take_over(self, path: Path, origin: Path | None, *, step: int) -> None:
        for sentence in set_aside_others(path, origin=origin, into=self.run.root / "replaced"):
            self.emit(Warned(message=sentence))
        self._announce(path, step=step, what="final")

    @staticmethod
    def _write(embedding: Embedding, path: Path, partner: Embedding | None, other: Path) -> None:
        if partner is None:
            write_embedding(embedding, path)
        else:
            write_pair((embedding, path), (partner, other))

    def _announce(self, path: Path, *, step: int, what: Literal["copy", "picture", "final"]) -> None:
        self.emit(Saved(step=step, what=what, path=str(path)))

    def _prune(self, best_step: int | None) -> None:
        copies = self.run.copies()
        old = list(copies)[: -self.config.keep_copies]
        for step in old:
            if step != best_step:
                with suppress(OSError):  # another program may hold it: it goes with a later copy
                    self.run.negative_copy(step, copies[step].suffix).unlink(missing_ok=True)
                    copies[step].unlink(missing_ok=True)


def lora_notes(uses: Sequence[LoraUse]) -> dict[str, str]:
    """Note the LoRAs that the embedding was trained with: it belongs to prompts with them."""
    return {"loras": ", ".join(use.shown for use in uses)} if uses else {}

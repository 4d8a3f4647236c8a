"""Pictures made while training goes on, with fixed prompts and seeds, so that steps can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from ..base.errors import ResourceError
from ..base.files import write_bytes
from ..dataset.templates import NAME
from ..embedding.embedding import Vectors
from ..embedding.pair import negative_half, negative_name, positive_half
from ..loss.guidance_scale import Guidance
from ..model.host import Lease, Picture, PictureRequest
from ..pictures.png import png_bytes
from ..settings.train_config import TrainConfig
from .events import Emit, Previewed, Warned
from .run_folder import RunDirectory


def save_picture(picture: Picture, path: Path) -> None:
    """Write a PNG that carries its generation parameters, as A1111 does. Raises ResourceError as ``write_bytes``."""
    write_bytes(path, png_bytes(picture.image, {"parameters": picture.infotext}))


@dataclass(frozen=True, kw_only=True)
class Previews:
    """Makes all previews of a step. A preview that fails is a warning, never the end of a run.

    ``guidance`` is what a pair is trained with, None where no pair is trained.
    """

    config: TrainConfig
    prompts: Sequence[str]
    lease: Lease
    run: RunDirectory
    emit: Emit
    stop_wanted: Callable[[], bool]
    guidance: Guidance | None = None
    told: set[str] = field(default_factory=set[str])

    def make(self, step: int, vectors: Vectors) -> Image.Image | None:
        """Write and announce the previews of ``step`` with ``vectors`` [vectors, width]; the first picture is
        returned to carry the vectors."""
        first: Image.Image | None = None
        for index, prompt in enumerate(self.prompts):
            if index and self.stop_wanted():
                break
            request = self._request(prompt)
            try:
                picture = self.lease.picture(request, embeddings=self._embeddings(vectors))
            except Exception as error:  # whatever the host's sampler raises must not cost the run
                self.emit(Warned(message=f"The preview at step {step} could not be made: {error}"))
                continue
            self._tell(picture.warnings)
            path = self.run.image(step, index)
            first = first or picture.image
            try:
                save_picture(picture, path)
            except (
                ResourceError
            ) as error:  # held by a program that copies files; where the disk is full, the state will say so
                self.emit(Warned(message=f"The preview at step {step} could not be saved. {error.message}"))
                continue
            self.emit(
                Previewed(step=step, index=index, path=str(path), prompt=request.prompt, infotext=picture.infotext)
            )
        return first

    def _tell(self, warnings: Sequence[str]) -> None:
        """Once a run: a prompt is the same at every step."""
        for sentence in warnings:
            if sentence not in self.told:
                self.told.add(sentence)
                self.emit(Warned(message=f"Previews: {sentence}"))

    def _embeddings(self, vectors: Vectors) -> dict[str, Vectors]:
        """The live embeddings by name, each [vectors, width] by encoder: of a pair both halves."""
        live: dict[str, Vectors] = {self.config.name: positive_half(vectors)}
        if negative := negative_half(vectors):
            live[negative_name(self.config.name)] = negative
        return live

    def _request(self, prompt: str) -> PictureRequest:
        """A pair's preview has the negative half in the negative prompt: in ``preview_negative_prompt`` where that holds
        [name], else as all of it or before it; and the guidance scale that is trained."""
        config = self.config
        negative, scale = config.preview_negative_prompt, config.preview_guidance_scale
        other = negative_name(config.name) if config.apt else config.name
        if self.guidance is not None:
            scale = self.guidance.typical
            negative = negative if NAME in negative else ", ".join(filter(None, [NAME, negative]))
        return PictureRequest(
            prompt=prompt.replace(NAME, config.name),
            negative_prompt=negative.replace(NAME, other),
            sampler=config.preview_sampler,
            steps=config.preview_steps,
            guidance_scale=scale,
            seed=config.preview_seed,
            width=config.preview_width or config.width,
            height=config.preview_height or config.height,
        )

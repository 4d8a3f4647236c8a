"""BLIP from a folder in the form of the transformers library: sentences about photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ...core.base.errors import InputError
from ...core.model.captioning import SentenceRules

GET_IT = (
    "Download every file of Salesforce/blip-image-captioning-base (or -large) from its page on Hugging Face, with "
    "model.safetensors, into one folder, and name that folder"
)


class BlipCaptioner:
    """Implements ``core.captioners.Captioner``."""

    def __init__(self, model: Any, processor: Any, rules: SentenceRules, device: torch.device) -> None:
        self._model, self._processor, self._rules, self._device = model, processor, rules, device

    def caption(self, pictures: Sequence[Image.Image]) -> list[str]:
        """Sentences; beam search gives the same ones every time."""
        inputs = self._processor(images=list(pictures), return_tensors="pt").to(self._device, self._model.dtype)
        rules = self._rules
        with torch.inference_mode():
            written = self._model.generate(
                **inputs,
                num_beams=rules.num_beams,
                min_length=rules.min_length,
                max_length=max(rules.max_length, rules.min_length + 1),
                do_sample=False,
            )
        texts = self._processor.batch_decode(
            written[:, 1:], skip_special_tokens=True
        )  # the first begins every sentence
        return [text.strip() for text in texts]


@contextmanager
def opened_blip(folder: Path, rules: SentenceRules, *, device: str | None = None) -> Iterator[BlipCaptioner]:
    """The model in memory while the block runs. Raises InputError where the folder holds none; asks no network."""
    if not (folder / "config.json").is_file():
        raise InputError(f"There is no BLIP model in {folder}. {GET_IT}.", field="blip_folder")
    try:
        from transformers import BlipForConditionalGeneration, BlipProcessor
    except ImportError as error:
        raise InputError(
            "BLIP needs the transformers library. Run: pip install transformers", field="blip_folder"
        ) from error
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    try:
        processor = BlipProcessor.from_pretrained(folder, local_files_only=True)
        model = BlipForConditionalGeneration.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(f"The BLIP model in {folder} cannot be read: {error}", field="blip_folder") from error
    model = model.to(place, torch.float16 if place.type == "cuda" else torch.float32).eval()
    try:
        yield BlipCaptioner(model, processor, rules, place)
    finally:
        model.to("cpu")
        if place.type == "cuda":
            torch.cuda.empty_cache()

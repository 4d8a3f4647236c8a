"""BLIP and deepbooru as the web UI has them: its files, its devices, its memory handling. Implements ``CaptionModels``.

Its interrogator's own ``load()`` also loads a CLIP of 900 MB that captions do not need, and its ``generate`` looks at one picture
at a time (and, with more than one beam, repeats it once too often for the transformers that it pins); so BLIP comes from
``load_blip_model()`` and writes by a call of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from modules import deepbooru, devices, images, interrogate, lowvram, paths, shared
from PIL import Image

from ....core.base.errors import InputError
from ....core.model.captioning import SentenceRules
from ...webui_page.caption_settings import caption_defaults

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's training pictures, which BLIP takes over."""

_BOORU_SIDE = 512
_FIT_AND_FILL = 2
"""The web UI's resize mode for deepbooru."""


class A1111CaptionModels:
    """Call with the web UI's queue lock held."""

    @property
    def defaults(self) -> Mapping[str, Any]:
        return caption_defaults()

    @contextmanager
    def blip(self, rules: SentenceRules) -> Iterator[HostBlip]:
        _make_room()
        interrogator = shared.interrogator
        try:
            model = interrogator.blip_model or _loaded_blip(interrogator)
            # Kept on the interrogator, so that the web UI finds it there, and its setting decides where it stays.
            interrogator.blip_model = model.to(devices.device_interrogate)
            yield HostBlip(model, rules)
        finally:
            interrogator.send_blip_to_ram()
            devices.torch_gc()

    @contextmanager
    def deepbooru(self) -> Iterator[HostBooru]:
        _make_room()
        try:
            deepbooru.model.start()
        except Exception as error:  # whatever its loader and its download raise
            deepbooru.model.model = (
                None  # or the web UI would take what is left there, without any weights, for the model
            )
            raise InputError(
                _missing("deepbooru's", "torch_deepdanbooru", "model-resnet_custom_v3.pt", error), field="caption"
            ) from error
        try:
            yield HostBooru(deepbooru.model.model)
        finally:
            deepbooru.model.stop()


class HostBlip:
    """Implements ``core.captioners.Captioner``."""

    def __init__(self, model: Any, rules: SentenceRules) -> None:
        self._model, self._rules = model, rules

    def caption(self, pictures: Sequence[Image.Image]) -> list[str]:
        """Sentences by beam search, the same ones every time."""
        model, rules = self._model, self._rules
        first = next(model.parameters())
        pixels = torch.stack([_blip_pixels(picture) for picture in pictures]).to(first.device, first.dtype)
        prompt = model.tokenizer([model.prompt] * len(pictures), return_tensors="pt").input_ids.to(first.device)
        prompt[:, 0] = model.tokenizer.bos_token_id
        with torch.no_grad():
            seen = model.visual_encoder(pixels)
            written = model.text_decoder.generate(
                input_ids=prompt[:, :-1],
                encoder_hidden_states=seen,
                encoder_attention_mask=torch.ones(seen.shape[:-1], dtype=torch.long, device=first.device),
                num_beams=rules.num_beams,
                min_length=rules.min_length,
                max_length=max(rules.max_length, rules.min_length + 1),
                do_sample=False,
                eos_token_id=model.tokenizer.sep_token_id,
                pad_token_id=model.tokenizer.pad_token_id,
            )
        texts = model.tokenizer.batch_decode(written, skip_special_tokens=True)
        return [text[len(model.prompt) :].strip() for text in texts]


class HostBooru:
    """Implements ``core.captioners.Tagger``."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def scores(self, pictures: Sequence[Image.Image]) -> list[dict[str, float]]:
        pixels = np.stack([_booru_pixels(picture) for picture in pictures])
        with torch.no_grad(), devices.autocast():
            found = self._model(torch.from_numpy(pixels).to(devices.device, devices.dtype))
        rows = found.reshape(len(pictures), -1).float().cpu().tolist()
        return [dict(zip(self._model.tags, row, strict=True)) for row in rows]


def _make_room() -> None:
    """With --medvram and --lowvram the part of the model that is on the card leaves it, as before the web UI interrogates."""
    lowvram.send_everything_to_cpu()
    devices.torch_gc()


def _loaded_blip(interrogator: Any) -> Any:
    try:
        model = interrogator.load_blip_model()
    except Exception as error:  # whatever its loader, its download and the tokenizer's raise
        name = "model_base_caption_capfilt_large.pth"
        raise InputError(_missing("BLIP's", "BLIP", name, error), field="caption") from error
    full = shared.cmd_opts.no_half or interrogator.running_on_cpu
    return model if full else model.half()


def _missing(whose: str, folder: str, name: str, error: Exception) -> str:
    return (
        f"{whose} model could not be loaded by the web UI ({type(error).__name__}: {error}); its log may say more. The file "
        f"belongs at {paths.models_path}/{folder}/{name}, where the web UI downloads it by itself if it can reach the network."
    )


def _blip_pixels(picture: Image.Image) -> torch.Tensor:
    """float32 [3, 384, 384], stretched as the web UI does."""
    side = interrogate.blip_image_eval_size
    resized = picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    values = np.asarray(resized, dtype=np.float32) / 255
    return torch.from_numpy(((values - np.float32(_MEAN)) / np.float32(_STD)).transpose(2, 0, 1).copy())


def _booru_pixels(picture: Image.Image) -> np.ndarray:
    """float32 [512, 512, 3] in [0, 1]."""
    resized = images.resize_image(_FIT_AND_FILL, picture.convert("RGB"), _BOORU_SIDE, _BOORU_SIDE)
    return np.asarray(resized, dtype=np.float32) / 255

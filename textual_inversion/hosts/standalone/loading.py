"""From a checkpoint file to a model on its device, ready to be lent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ...core.base.errors import ResourceError
from ...core.model.host import CheckpointInfo, NoiseSchedule, PredictionType
from ..file_hash import sha256
from .checkpoint.build import Networks, build_networks
from .checkpoint.checkpoint import read_checkpoint
from .checkpoint.detection import layout_from_tensors
from .checkpoint.layout import ModelLayout
from .checkpoint.ldm_config import config_beside, layout_from_config
from .checkpoint.marks import marked, marks_of, told
from .checkpoint.tokenizer import ClipTokenizer
from .text.text import ClipEncoder

_OLD_CLIP, _CLIP = "cond_stage_model.transformer.", "cond_stage_model.transformer.text_model."


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """Everything of one checkpoint, on ``device``; frozen, in eval mode."""

    info: CheckpointInfo
    layout: ModelLayout
    networks: Networks
    encoders: dict[str, ClipEncoder]
    schedule: NoiseSchedule
    device: torch.device
    unet_dtype: torch.dtype

    def modules(self) -> list[nn.Module]:
        return self.networks.modules()


def load_model(path: Path, *, device: torch.device, unet_dtype: torch.dtype) -> LoadedModel:
    """Read, build and move. Raises LeaseError, FileFormatError or ResourceError with a sentence."""
    file = read_checkpoint(path)
    tensors = {_modern(name): tensor for name, tensor in file.tensors.items()}
    file.tensors.clear()
    config = config_beside(path)
    marks = marks_of(tensors, file.metadata)
    read = layout_from_config(config, tensors) if config else layout_from_tensors(tensors)
    layout = marked(read, marks)
    try:
        networks = build_networks(layout, tensors, unet_dtype=unet_dtype)
        if layout.family == "sdxl" and device.type != "cpu":
            # Its second text encoder alone is 2.8 GB in float32; web UIs run both in half precision.
            for tower in networks.text.values():
                tower.model.to(unet_dtype)
        for module in networks.modules():
            module.to(device)
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise ResourceError(f"There is not enough memory for {path.name} on {device}.") from error
    prediction = layout.prediction or probe_prediction(networks, layout, device)
    zero = layout.schedule.zero_terminal_snr
    if prediction == "v_prediction" or zero:
        measured = measured_prediction(networks, layout, device)
        line = told(marks, prediction, zero_terminal_snr=zero, measured=measured)
        layout = replace(layout, warnings=(*layout.warnings, *([line] if line else [])))
    return LoadedModel(
        info=CheckpointInfo(name=path.stem, path=path, sha256=sha256(path)),
        layout=layout,
        networks=networks,
        encoders=_encoders(layout, networks),
        schedule=NoiseSchedule(alphas_cumprod=layout.schedule.alphas_cumprod(), prediction_type=prediction),
        device=device,
        unet_dtype=unet_dtype,
    )


def _modern(name: str) -> str:
    """Some old merges leave ``text_model.`` out of the text encoder's names."""
    if name.startswith((f"{_OLD_CLIP}embeddings.", f"{_OLD_CLIP}encoder.", f"{_OLD_CLIP}final_layer_norm.")):
        return name.replace(_OLD_CLIP, _CLIP, 1)
    return name


def _encoders(layout: ModelLayout, networks: Networks) -> dict[str, ClipEncoder]:
    return {
        key: ClipEncoder(
            tower=networks.text[key],
            layout=text,
            tokenizer=ClipTokenizer.load(text.flavour, folder=text.folder),
            normed=layout.family != "sdxl",
        )
        for key, text in layout.text.items()
    }


@torch.no_grad()
def probe_prediction(networks: Networks, layout: ModelLayout, device: torch.device) -> PredictionType:
    """Ask the U-Net itself: at the last step a v-prediction is the negative of a clean picture, epsilon is its input.

    A1111's test for SD 2.x (``sd_models_config.is_using_v_parameterization_for_sd2``), with its inputs and threshold.
    """
    unet = networks.unet

    def half(*shape: int) -> Tensor:
        return torch.full(shape, 0.5, device=device, dtype=unet.dtype)

    noisy = half(1, layout.unet.in_channels, 8, 8)
    timesteps = torch.tensor([layout.schedule.timesteps - 1], device=device)
    output = unet(noisy, timesteps, half(1, 2, layout.unet.context_width), return_dict=False)[0]
    difference = (output - noisy[:, : layout.unet.out_channels]).float().mean().item()
    return "v_prediction" if difference < -1 else "epsilon"


@torch.no_grad()
def measured_prediction(networks: Networks, layout: ModelLayout, device: torch.device) -> PredictionType:
    """Tell by the U-Net's answer to pure noise at the last step: epsilon is that noise again, v says next to nothing of it.

    For any family and size. The correlation of answer and noise is nearly 1 for epsilon, and for v the root of the last alpha
    (Salimans and Ho 2022, appendix D): 0.07 for LDM's schedule, 0 for one of zero terminal SNR.
    """
    unet, shape = networks.unet, layout.unet
    noisy = torch.randn(1, shape.in_channels, 16, 16, generator=torch.Generator().manual_seed(0))
    here = {"device": device, "dtype": unet.dtype}
    answer = unet(
        noisy.to(**here),
        torch.tensor([layout.schedule.timesteps - 1], device=device),
        torch.full((1, 77, shape.context_width), 0.5, **here),
        class_labels=None if shape.label_width is None else torch.full((1, shape.label_width), 0.5, **here),
        return_dict=False,
    )[0]
    pair = torch.stack([noisy[:, : shape.out_channels].flatten(), answer.float().cpu().flatten()])
    return "epsilon" if torch.corrcoef(pair)[0, 1] > 0.5 else "v_prediction"

"""A model of SD 1.5's shape with random weights: as slow and as large as the real one, and needing no download."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from transformers import CLIPTextConfig, CLIPTextModel

from textual_inversion.core.host import CheckpointInfo, LeaseRequest, NoiseSchedule
from textual_inversion.hosts.standalone.build import Networks, TextTower
from textual_inversion.hosts.standalone.device import unet_dtype
from textual_inversion.hosts.standalone.host import StandaloneHost
from textual_inversion.hosts.standalone.layout import ModelLayout, ScheduleLayout, TextLayout, UNetLayout, VaeLayout
from textual_inversion.hosts.standalone.ldm_keys import UnetShape, VaeShape
from textual_inversion.hosts.standalone.loading import LoadedModel
from textual_inversion.hosts.standalone.text import ClipEncoder
from textual_inversion.hosts.standalone.tokenizer import ClipTokenizer

_UNET_CHANNELS, _VAE_CHANNELS = (320, 640, 1280, 1280), (128, 256, 512, 512)
_TEXT = TextLayout(
    flavour="clip",
    prefix="",
    width=768,
    layers=12,
    heads=12,
    inner_width=3072,
    positions=77,
    vocabulary=49408,
    activation="quick_gelu",
    output="last",
)
SD15 = ModelLayout(
    family="sd1",
    unet=UNetLayout(
        shape=UnetShape(channels=_UNET_CHANNELS, blocks=2, depths=(1, 1, 1, 0)),
        in_channels=4,
        out_channels=4,
        heads=(8, 8, 8, 8),
        context_width=768,
        linear_projections=False,
    ),
    vae=VaeLayout(shape=VaeShape(channels=_VAE_CHANNELS, blocks=2), latent_channels=4, scale_factor=0.18215),
    text={"clip_l": _TEXT},
    schedule=ScheduleLayout(),
    prediction="epsilon",
)


class RandomHost(StandaloneHost):
    """A standalone host whose checkpoint is not read from a file."""

    def load(self, request: LeaseRequest | None = None) -> LoadedModel:
        dtype = unet_dtype(request.precision if request else "auto", self.device)
        if self._model is None or self._model.unet_dtype != dtype:
            self._model = None
            self._model = _model(self.device, dtype)
        return self._model


def random_host(folder: Path, *, device: str | None) -> RandomHost:
    """SD 1.5's shape; ``folder`` is where embeddings go."""
    return RandomHost(embeddings_dir=folder, device=device)


def _model(device: torch.device, dtype: torch.dtype) -> LoadedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = Networks(
            unet=_unet(), vae=_vae(), text={"clip_l": TextTower(model=_text_encoder(), projection=None)}
        )
    for module in networks.modules():
        module.requires_grad_(False).eval().to(device)
    if dtype != torch.float32:
        diffusers_logging.set_verbosity_error()  # it warns of nothing: "modules that should be kept in float32: []"
        networks.unet.to(dtype)
    encoder = ClipEncoder(
        tower=networks.text["clip_l"], layout=_TEXT, tokenizer=ClipTokenizer.load("clip"), normed=True
    )
    return LoadedModel(
        info=CheckpointInfo(name="SD 1.5 shape, random weights", path=None, sha256=None),
        layout=SD15,
        networks=networks,
        encoders={"clip_l": encoder},
        schedule=NoiseSchedule(alphas_cumprod=SD15.schedule.alphas_cumprod(), prediction_type="epsilon"),
        device=device,
        unet_dtype=dtype,
    )


def _unet() -> UNet2DConditionModel:
    attends = (True, True, True, False)
    return UNet2DConditionModel(
        block_out_channels=_UNET_CHANNELS,
        layers_per_block=2,
        down_block_types=tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(attends)),
        attention_head_dim=8,
        cross_attention_dim=768,
    )


def _vae() -> AutoencoderKL:
    levels = len(_VAE_CHANNELS)
    return AutoencoderKL(
        block_out_channels=_VAE_CHANNELS,
        layers_per_block=2,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
    )


def _text_encoder() -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=_TEXT.width,
            intermediate_size=_TEXT.inner_width,
            num_hidden_layers=_TEXT.layers,
            num_attention_heads=_TEXT.heads,
            max_position_embeddings=_TEXT.positions,
            vocab_size=_TEXT.vocabulary,
            hidden_act=_TEXT.activation,
            projection_dim=_TEXT.width,
            eos_token_id=_TEXT.vocabulary - 1,
        )
    )

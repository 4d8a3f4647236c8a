"""A model of SD 1.5's shape, or another one, with random weights: as slow and as large as a real one, and needing no download."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from transformers import CLIPTextConfig, CLIPTextModel

from textual_inversion.core.model.host import CheckpointInfo, LeaseRequest, NoiseSchedule
from textual_inversion.hosts.standalone.checkpoint.build import Networks, TextTower
from textual_inversion.hosts.standalone.checkpoint.layout import (
    ModelLayout,
    ScheduleLayout,
    TextLayout,
    UNetLayout,
    VaeLayout,
)
from textual_inversion.hosts.standalone.checkpoint.ldm_keys import UnetShape, VaeShape
from textual_inversion.hosts.standalone.checkpoint.tokenizer import ClipTokenizer
from textual_inversion.hosts.standalone.device import unet_dtype
from textual_inversion.hosts.standalone.host import StandaloneHost
from textual_inversion.hosts.standalone.loading import LoadedModel
from textual_inversion.hosts.standalone.text.text import ClipEncoder

CLIP_L = TextLayout(
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
        shape=UnetShape(channels=(320, 640, 1280, 1280), blocks=2, depths=(1, 1, 1, 0)),
        in_channels=4,
        out_channels=4,
        heads=(8, 8, 8, 8),
        context_width=768,
        linear_projections=False,
    ),
    vae=VaeLayout(shape=VaeShape(channels=(128, 256, 512, 512), blocks=2), latent_channels=4, scale_factor=0.18215),
    text={"clip_l": CLIP_L},
    schedule=ScheduleLayout(),
    prediction="epsilon",
)


class RandomHost(StandaloneHost):
    """A standalone host whose checkpoint is not read from a file."""

    def __init__(self, *, embeddings_dir: Path, device: str | None, layout: ModelLayout) -> None:
        super().__init__(embeddings_dir=embeddings_dir, device=device)
        self._layout = layout

    def load(self, request: LeaseRequest | None = None) -> LoadedModel:
        dtype = unet_dtype(request.precision if request else "auto", self.device)
        if self._model is None or self._model.unet_dtype != dtype:
            self._model = None
            self._model = _model(self._layout, self.device, dtype)
        return self._model


def random_host(folder: Path, *, device: str | None, layout: ModelLayout = SD15) -> RandomHost:
    """``folder`` is where embeddings go."""
    return RandomHost(embeddings_dir=folder, device=device, layout=layout)


def _model(layout: ModelLayout, device: torch.device, dtype: torch.dtype) -> LoadedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        towers = {
            key: TextTower(model=_text_encoder(text), projection=_projection(text)) for key, text in layout.text.items()
        }
        networks = Networks(unet=_unet(layout.unet), vae=_vae(layout.vae.shape), text=towers)
    for module in networks.modules():
        module.requires_grad_(False).eval().to(device)
    if dtype != torch.float32:
        diffusers_logging.set_verbosity_error()  # it warns of nothing: "modules that should be kept in float32: []"
        networks.unet.to(dtype)
    encoders = {
        key: ClipEncoder(
            tower=networks.text[key],
            layout=text,
            tokenizer=ClipTokenizer.load(text.flavour),
            normed=text.output == "last",
        )
        for key, text in layout.text.items()
    }
    return LoadedModel(
        info=CheckpointInfo(name=f"{layout.family} shape, random weights", path=None, sha256=None),
        layout=layout,
        networks=networks,
        encoders=encoders,
        schedule=NoiseSchedule(alphas_cumprod=layout.schedule.alphas_cumprod(), prediction_type="epsilon"),
        device=device,
        unet_dtype=dtype,
    )


def _unet(layout: UNetLayout) -> UNet2DConditionModel:
    shape = layout.shape
    attends = [depth > 0 for depth in shape.depths]
    depths = [max(1, depth) for depth in shape.depths[:-1]] + [shape.middle_depth]
    return UNet2DConditionModel(
        in_channels=layout.in_channels,
        out_channels=layout.out_channels,
        block_out_channels=shape.channels,
        layers_per_block=shape.blocks,
        down_block_types=tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(attends)),
        transformer_layers_per_block=tuple(depths),
        attention_head_dim=layout.heads,
        cross_attention_dim=layout.context_width,
        use_linear_projection=layout.linear_projections,
        class_embed_type="projection" if layout.label_width else None,
        projection_class_embeddings_input_dim=layout.label_width,
    )


def _vae(shape: VaeShape) -> AutoencoderKL:
    levels = len(shape.channels)
    return AutoencoderKL(
        block_out_channels=shape.channels,
        layers_per_block=shape.blocks,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
    )


def _text_encoder(layout: TextLayout) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=layout.width,
            intermediate_size=layout.inner_width,
            num_hidden_layers=layout.layers,
            num_attention_heads=layout.heads,
            max_position_embeddings=layout.positions,
            vocab_size=layout.vocabulary,
            hidden_act=layout.activation,
            projection_dim=layout.width,
            eos_token_id=layout.vocabulary - 1,
        )
    )


def _projection(layout: TextLayout) -> torch.Tensor | None:
    return torch.randn(layout.width, layout.width) * layout.width**-0.5 if layout.projection else None

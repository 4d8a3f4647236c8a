"""The demo checkpoint's networks: SD-1 layout, small enough for two CPU cores and 40 MB of fp16.

The VAE has 128 channels at all four levels: LDM's GroupNorm has 32 groups, and with only one or two channels a group it
removes just what a plain colour is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextConfig, CLIPTextModel

VOCABULARY = 49408
END_OF_TEXT = 49407
CONTEXT = 77
LINEAR_START = 0.00085
LINEAR_END = 0.0120
TIMESTEPS = 1000
TOKEN_SPREAD = 0.5


@dataclass(frozen=True)
class DemoShape:
    """Sizes of the three networks.

    Channels must be multiples of 32 (GroupNorm); LDM's U-Net wants each level's a whole multiple of the first's.
    """

    vae_channels: int = 128
    unet_channels: tuple[int, ...] = (96, 96)
    attention_levels: int = 2
    unet_blocks: int = 2
    head_channels: int = 32
    text_width: int = 128
    text_layers: int = 4


TINY = DemoShape(
    vae_channels=32, unet_channels=(32, 64), attention_levels=1, unet_blocks=1, text_width=64, text_layers=1
)
"""For tests of the training script only; it cannot learn anything."""


def build_vae(shape: DemoShape) -> AutoencoderKL:
    """A factor-8 VAE, 4 latent channels; its log-variance starts near -6, so that early training is not all noise."""
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(shape.vae_channels,) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=32,
        sample_size=64,
    )
    with torch.no_grad():
        vae.quant_conv.bias[4:] -= 6.0
        vae.quant_conv.weight[4:] *= 0.1
    return vae


def build_unet(shape: DemoShape, *, with_mask: bool = False) -> UNet2DConditionModel:
    """A U-Net of SD 1's kind for 8x8 latents, with attention at its first `attention_levels` levels.

    `with_mask` adds a fifth output channel, for training only (see `train_unet`); `without_mask` takes it off.
    """
    levels = len(shape.unet_channels)
    attends = [level < shape.attention_levels for level in range(levels)]
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=5 if with_mask else 4,
        layers_per_block=shape.unet_blocks,
        block_out_channels=shape.unet_channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
        cross_attention_dim=shape.text_width,
        attention_head_dim=tuple(width // shape.head_channels for width in shape.unet_channels),
    )
    return with_plain_attention(unet)


def with_plain_attention(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """The same U-Net by plain matmuls: torch's fused attention for CPUs spends half of a training step in its backward at
    these sizes."""
    unet.set_attn_processor(AttnProcessor())
    return unet


def without_mask(unet: UNet2DConditionModel, shape: DemoShape) -> UNet2DConditionModel:
    """The same U-Net with its four channels of noise alone."""
    plain = build_unet(shape)
    plain.load_state_dict({k: v[:4] if k.startswith("conv_out.") else v for k, v in unet.state_dict().items()})
    return plain


def text_config(shape: DemoShape, vocabulary: int = VOCABULARY) -> CLIPTextConfig:
    """A CLIP text transformer, heads of 64 as everywhere in CLIP; an MLP of three widths keeps the file under 40 MB."""
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=shape.text_width,
        intermediate_size=3 * shape.text_width,
        num_hidden_layers=shape.text_layers,
        num_attention_heads=max(1, shape.text_width // 64),
        max_position_embeddings=CONTEXT,
        hidden_act="quick_gelu",
        projection_dim=shape.text_width,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )


def build_text(shape: DemoShape, vocabulary: int = VOCABULARY) -> CLIPTextModel:
    """The text encoder, randomly initialised; a training may give it only the words that occur.

    With transformers' initial values a token's own vector (norm 0.2) drowns in what the layers add to it (norm 4 each) and
    a training at this scale never tells "left" from "right". Here words start far apart and the layers start quiet.
    """
    text = CLIPTextModel._from_config(text_config(shape, vocabulary), attn_implementation="eager")
    with torch.no_grad():
        text.get_input_embeddings().weight.normal_(std=TOKEN_SPREAD)
        for name, weight in text.named_parameters():
            if name.endswith(("out_proj.weight", "fc2.weight")):
                weight *= 0.25
    return text


def alphas_cumprod() -> torch.Tensor:
    """(1000,) float64, SD 1's scaled-linear schedule."""
    betas = torch.linspace(LINEAR_START**0.5, LINEAR_END**0.5, TIMESTEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1.0 - betas, dim=0)

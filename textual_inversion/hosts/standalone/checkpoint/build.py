"""Builds diffusers' and transformers' modules and fills them with a checkpoint's tensors, every one accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from ....core.base.errors import FileFormatError
from ....core.base.sentences import listed
from .layout import ModelLayout, TextLayout, UNetLayout, VaeLayout
from .ldm_keys import UNET_PREFIX, VAE_PREFIX, clip_text_keys, squeezed_keys, unet_keys, vae_keys
from .open_clip_keys import PROJECTION, open_clip_text_keys, split_tensors

_HARMLESS_PREFIXES = ("model_ema.", "loss.", "first_stage_model.loss.", "first_stage_model.model_ema.", "denoiser.")
_HARMLESS_SUFFIXES = (".position_ids", ".logit_scale", ".text_projection", ".attn_mask", ".text_projection.weight")
_SCHEDULE_BUFFERS = ("betas", "alphas_", "sqrt_", "log_one_minus_", "posterior_", "lvlb_weights", "logvar")
_MARKERS = ("scale_factor", "v_pred", "ztsnr", "model_ema_decay")


def is_harmless(name: str) -> bool:
    """Tensors that files carry and no network needs.

    EMA copies and the loss of training; buffers of the noise schedule (which the config gives); position ids; CLIP's
    projection and scale, which SD does not use; marks for v-prediction.
    """
    root = "." not in name
    return (
        name.startswith(_HARMLESS_PREFIXES)
        or name.endswith(_HARMLESS_SUFFIXES)
        or (root and (name in _MARKERS or name.startswith(_SCHEDULE_BUFFERS)))
    )


@dataclass(frozen=True, kw_only=True)
class TextTower:
    """``projection`` [width, width] makes SDXL's pooled vector; None elsewhere."""

    model: CLIPTextModel
    projection: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Networks:
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text: Mapping[str, TextTower]

    def modules(self) -> list[nn.Module]:
        return [self.unet, self.vae, *(tower.model for tower in self.text.values())]


def build_networks(layout: ModelLayout, tensors: dict[str, Tensor], *, unet_dtype: torch.dtype) -> Networks:
    """Build all networks on the CPU, in float32 but for the U-Net. Empties ``tensors``.

    Raises FileFormatError naming tensors that are missing, left over, or of another shape.
    """
    take = _Taker(tensors)
    text = {key: _text(part, take) for key, part in layout.text.items()}
    vae = _vae(layout.vae, take)
    unet = _unet(layout.unet, take, unet_dtype)
    take.nothing_left()
    return Networks(unet=unet, vae=vae, text=text)


class _Taker:
    """Takes tensors out of a checkpoint one by one, so that memory is freed and what is left over shows."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors

    def __call__(self, name: str, dtype: torch.dtype) -> Tensor:
        if name not in self._tensors:
            raise FileFormatError(f"The checkpoint lacks the tensor {name}; its config may belong to another one.")
        # A copy of its own: safetensors maps the file, which may be replaced while the model is in use.
        return self._tensors.pop(name).to(dtype, copy=True)

    def nothing_left(self) -> None:
        left = sorted(name for name in self._tensors if not is_harmless(name))
        self._tensors.clear()
        if left:
            raise FileFormatError(
                f"The checkpoint has tensors that its layout does not know: {listed(left)}. "
                "Its .yaml may belong to another checkpoint, or this kind of model is not supported.",
                field="checkpoint",
            )


def _fill(module: nn.Module, state: Mapping[str, Tensor], *, origin: str) -> None:
    """Assign every parameter; a shape that differs is an error that names the tensor."""
    expected = module.state_dict()
    for name, tensor in state.items():
        if name in expected and tensor.shape != expected[name].shape:
            raise FileFormatError(
                f"In the {origin}, {name} has shape {list(tensor.shape)} in the file and {list(expected[name].shape)} "
                "in the layout; the .yaml or config.json may belong to another checkpoint.",
                field="checkpoint",
            )
    module.load_state_dict(dict(state), strict=True, assign=True)
    module.eval().requires_grad_(False)


def _unet(layout: UNetLayout, take: _Taker, dtype: torch.dtype) -> UNet2DConditionModel:
    shape = layout.shape
    attends = [depth > 0 for depth in shape.depths]
    depths = [max(1, depth) for depth in shape.depths]
    depths[-1] = max(1, shape.middle_depth)  # diffusers gives the middle the depth of the last level
    if attends[-1] and shape.depths[-1] != shape.middle_depth:
        raise FileFormatError(
            "A U-Net whose middle has another transformer depth than its last level is not supported."
        )
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            in_channels=layout.in_channels,
            out_channels=layout.out_channels,
            block_out_channels=shape.channels,
            layers_per_block=shape.blocks,
            down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
            up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
            transformer_layers_per_block=tuple(depths),
            attention_head_dim=layout.heads,  # diffusers' name for the number of heads
            cross_attention_dim=layout.context_width,
            use_linear_projection=layout.linear_projections,
            class_embed_type="projection" if layout.label_width else None,
            projection_class_embeddings_input_dim=layout.label_width,
        )
    keys = {ldm: name.replace("add_embedding.", "class_embedding.") for ldm, name in unet_keys(shape).items()}
    _fill(unet, {name: take(UNET_PREFIX + ldm, dtype) for ldm, name in keys.items()}, origin="U-Net")
    return unet


def _vae(layout: VaeLayout, take: _Taker) -> AutoencoderKL:
    channels = layout.shape.channels
    with torch.device("meta"):
        vae = AutoencoderKL(
            block_out_channels=channels,
            layers_per_block=layout.shape.blocks,
            latent_channels=layout.latent_channels,
            down_block_types=("DownEncoderBlock2D",) * len(channels),
            up_block_types=("UpDecoderBlock2D",) * len(channels),
            scaling_factor=layout.scale_factor,
        )
    squeezed = squeezed_keys()
    state: dict[str, Tensor] = {}
    for ldm, name in vae_keys(layout.shape).items():
        tensor = take(VAE_PREFIX + ldm, torch.float32)
        state[name] = tensor.flatten(1) if ldm in squeezed else tensor
    _fill(vae, state, origin="VAE")
    return vae


def _text(layout: TextLayout, take: _Taker) -> TextTower:
    config = CLIPTextConfig(
        hidden_size=layout.width,
        intermediate_size=layout.inner_width,
        num_hidden_layers=layout.layers,
        num_attention_heads=layout.heads,
        max_position_embeddings=layout.positions,
        vocab_size=layout.vocabulary,
        hidden_act=layout.activation,
        layer_norm_eps=layout.epsilon,
        projection_dim=layout.width,
        eos_token_id=layout.vocabulary - 1,
    )
    with torch.device("meta"):
        model = CLIPTextModel(config)
    # transformers 4 keeps everything under text_model., 5 does not.
    library = "text_model." if any(name.startswith("text_model.") for name in model.state_dict()) else ""
    if layout.flavour == "clip":
        keys = clip_text_keys(layout.layers, library_prefix=library)
        state = {name: take(layout.prefix + ldm, torch.float32) for ldm, name in keys.items()}
    else:
        table = open_clip_text_keys(layout.layers)
        parts = split_tensors(table, {name: take(layout.prefix + name, torch.float32) for name in table})
        state = {library + name: tensor for name, tensor in parts.items()}
    _fill(model, state, origin="text encoder")
    embeddings = getattr(model, "text_model", model).embeddings
    embeddings.position_ids = torch.arange(layout.positions).expand((1, -1))
    projection = take(layout.prefix + PROJECTION, torch.float32) if layout.projection else None
    return TextTower(model=model, projection=projection)

"""Names of weights: LDM's single-file checkpoints against diffusers' and transformers' modules, as pure strings.

One idea: every network is a walk over its blocks that yields pairs of *module* names (`LDM name`, `library name`) with
the kind of module; a kind is a small table of parameters. Nothing is renamed by pattern, so a name that the walk does
not give is a name that the checkpoint should not have. Tables are keyed by the LDM name without the checkpoint's
prefix; `inverted` turns one round.

Only the VAE's middle attention differs in shape: LDM keeps q, k, v and proj_out as 1x1 convolutions (C, C, 1, 1),
diffusers as linear layers (C, C). `squeezed_keys` lists those names: drop the two last dimensions on the way to
diffusers, add them on the way back. OpenCLIP's text encoders (SD 2.x, SDXL's second) keep open_clip's own names.

Layout as in CompVis `ldm/modules/diffusionmodules/openaimodel.py`, `.../model.py`; diffusers 0.30 and newer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
TEXT_PREFIX = "cond_stage_model."

Table = dict[str, str]
Pair = tuple[str, str]

_WEIGHT_BIAS = ("weight", "bias")
_RESNET: tuple[Pair, ...] = (
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
)
_VAE_RESNET: tuple[Pair, ...] = (("norm1", "norm1"), ("conv1", "conv1"), ("norm2", "norm2"), ("conv2", "conv2"))
_VAE_ATTENTION: tuple[Pair, ...] = (
    ("norm", "group_norm"),
    ("q", "to_q"),
    ("k", "to_k"),
    ("v", "to_v"),
    ("proj_out", "to_out.0"),
)
_TRANSFORMER_BIASED = ("attn1.to_out.0", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2", "norm1", "norm2", "norm3")
_TRANSFORMER_BARE = tuple(f"attn{i}.to_{part}" for i in (1, 2) for part in "qkv")
_CLIP_LAYER = (
    *(f"self_attn.{part}_proj" for part in ("k", "v", "q", "out")),
    *("layer_norm1", "mlp.fc1", "mlp.fc2", "layer_norm2"),
)


@dataclass(frozen=True)
class UnetShape:
    """Sizes that the names of a U-Net depend on.

    `channels`: width of each level, widest resolution first (model_channels x channel_mult). `blocks`: LDM's
    num_res_blocks. `depths`: transformer depth of each level, 0 where it has no attention. `middle_depth`: depth of
    the middle's transformer (always there in LDM). `labels`: whether there is a label embedding (SDXL).
    """

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    blocks: int = 2
    depths: tuple[int, ...] = (1, 1, 1, 0)
    middle_depth: int = 1
    labels: bool = False


SD1_UNET = UnetShape()
SD2_UNET = UnetShape()
SDXL_UNET = UnetShape(channels=(320, 640, 1280), depths=(0, 2, 10), middle_depth=10, labels=True)


@dataclass(frozen=True)
class VaeShape:
    """Sizes that the names of a VAE depend on: width of each level (ch x ch_mult) and num_res_blocks."""

    channels: tuple[int, ...] = (128, 256, 512, 512)
    blocks: int = 2


def unet_keys(shape: UnetShape) -> Table:
    """LDM name (without `UNET_PREFIX`) to the name in `UNet2DConditionModel.state_dict()`."""
    return dict(_unet(shape))


def vae_keys(shape: VaeShape) -> Table:
    """LDM name (without `VAE_PREFIX`) to the name in `AutoencoderKL.state_dict()`; see `squeezed_keys`."""
    return dict(_vae(shape))


def squeezed_keys() -> frozenset[str]:
    """LDM names of the VAE weights that are (C, C, 1, 1) there and (C, C) in diffusers."""
    return frozenset(
        f"{half}.mid.attn_1.{name}.weight" for half in ("encoder", "decoder") for name, _ in _VAE_ATTENTION[1:]
    )


def clip_text_keys(layers: int, *, library_prefix: str = "") -> Table:
    """LDM name (without `TEXT_PREFIX`) to the name in `CLIPTextModel.state_dict()`.

    transformers 5 has no prefix on its side; transformers 4 has `text_model.`. Checkpoints of SD 1 also hold the
    buffer `transformer.text_model.embeddings.position_ids`, which is no weight (see `CLIP_POSITION_IDS`).
    """
    names = [f"embeddings.{kind}_embedding.weight" for kind in ("token", "position")]
    names += [
        f"encoder.layers.{layer}.{module}.{parameter}"
        for layer in range(layers)
        for module in _CLIP_LAYER
        for parameter in _WEIGHT_BIAS
    ]
    names += [f"final_layer_norm.{parameter}" for parameter in _WEIGHT_BIAS]
    return {f"transformer.text_model.{name}": library_prefix + name for name in names}


CLIP_POSITION_IDS = "transformer.text_model.embeddings.position_ids"


def inverted(table: Mapping[str, str]) -> Table:
    """The same table from library names to LDM names."""
    return {library: ldm for ldm, library in table.items()}


def _both(ldm: str, library: str, parameters: tuple[str, ...] = _WEIGHT_BIAS) -> Iterator[Pair]:
    return ((f"{ldm}.{parameter}", f"{library}.{parameter}") for parameter in parameters)


def _parts(ldm: str, library: str, table: tuple[Pair, ...]) -> Iterator[Pair]:
    for a, b in table:
        yield from _both(f"{ldm}.{a}", f"{library}.{b}")


def _unet(shape: UnetShape) -> Iterator[Pair]:
    heads = [("time_embed", "time_embedding")] + ([("label_emb.0", "add_embedding")] if shape.labels else [])
    for ldm, library in heads:
        yield from _both(f"{ldm}.0", f"{library}.linear_1")
        yield from _both(f"{ldm}.2", f"{library}.linear_2")
    yield from _both("input_blocks.0.0", "conv_in")
    yield from _down(shape)
    width = shape.channels[-1]
    yield from _resnet("middle_block.0", "mid_block.resnets.0", width, width)
    yield from _transformer("middle_block.1", "mid_block.attentions.0", shape.middle_depth)
    yield from _resnet("middle_block.2", "mid_block.resnets.1", width, width)
    yield from _up(shape)
    yield from _both("out.0", "conv_norm_out")
    yield from _both("out.2", "conv_out")


def _down(shape: UnetShape) -> Iterator[Pair]:
    number, before = 1, shape.channels[0]
    for level, (width, depth) in enumerate(zip(shape.channels, shape.depths, strict=True)):
        for block in range(shape.blocks):
            ldm, library = f"input_blocks.{number}", f"down_blocks.{level}"
            yield from _resnet(f"{ldm}.0", f"{library}.resnets.{block}", before, width)
            yield from _transformer(f"{ldm}.1", f"{library}.attentions.{block}", depth)
            number, before = number + 1, width
        if level + 1 < len(shape.channels):
            yield from _both(f"input_blocks.{number}.0.op", f"down_blocks.{level}.downsamplers.0.conv")
            number += 1


def _up(shape: UnetShape) -> Iterator[Pair]:
    skips = [shape.channels[0]]
    for level, width in enumerate(shape.channels):
        skips += [width] * shape.blocks + ([width] if level + 1 < len(shape.channels) else [])
    number, before = 0, shape.channels[-1]
    for place, level in enumerate(reversed(range(len(shape.channels)))):
        width, depth = shape.channels[level], shape.depths[level]
        for block in range(shape.blocks + 1):
            ldm, library = f"output_blocks.{number}", f"up_blocks.{place}"
            yield from _resnet(f"{ldm}.0", f"{library}.resnets.{block}", before + skips.pop(), width)
            yield from _transformer(f"{ldm}.1", f"{library}.attentions.{block}", depth)
            if block == shape.blocks and level > 0:
                yield from _both(f"{ldm}.{2 if depth else 1}.conv", f"{library}.upsamplers.0.conv")
            number, before = number + 1, width


def _resnet(ldm: str, library: str, before: int, width: int) -> Iterator[Pair]:
    yield from _parts(ldm, library, _RESNET)
    if before != width:
        yield from _both(f"{ldm}.skip_connection", f"{library}.conv_shortcut")


def _transformer(ldm: str, library: str, depth: int) -> Iterator[Pair]:
    """A SpatialTransformer; its inner names are the same on both sides, and so are its shapes (conv or linear)."""
    if not depth:
        return
    for end in ("norm", "proj_in", "proj_out"):
        yield from _both(f"{ldm}.{end}", f"{library}.{end}")
    for layer in range(depth):
        block = f"transformer_blocks.{layer}"
        for module in _TRANSFORMER_BARE:
            yield from _both(f"{ldm}.{block}.{module}", f"{library}.{block}.{module}", ("weight",))
        for module in _TRANSFORMER_BIASED:
            yield from _both(f"{ldm}.{block}.{module}", f"{library}.{block}.{module}")


def _vae(shape: VaeShape) -> Iterator[Pair]:
    last = len(shape.channels) - 1
    before = shape.channels[0]
    for level, width in enumerate(shape.channels):
        ldm, library = f"encoder.down.{level}", f"encoder.down_blocks.{level}"
        for block in range(shape.blocks):
            yield from _vae_resnet(f"{ldm}.block.{block}", f"{library}.resnets.{block}", before, width)
            before = width
        if level < last:
            yield from _both(f"{ldm}.downsample.conv", f"{library}.downsamplers.0.conv")
    before = shape.channels[-1]
    for place, level in enumerate(reversed(range(last + 1))):
        ldm, library, width = f"decoder.up.{level}", f"decoder.up_blocks.{place}", shape.channels[level]
        for block in range(shape.blocks + 1):
            yield from _vae_resnet(f"{ldm}.block.{block}", f"{library}.resnets.{block}", before, width)
            before = width
        if level > 0:
            yield from _both(f"{ldm}.upsample.conv", f"{library}.upsamplers.0.conv")
    for half in ("encoder", "decoder"):
        yield from _vae_ends(half)
    for name in ("quant_conv", "post_quant_conv"):
        yield from _both(name, name)


def _vae_ends(half: str) -> Iterator[Pair]:
    """First and last layers and the middle, which encoder and decoder share."""
    yield from _both(f"{half}.conv_in", f"{half}.conv_in")
    for i in (0, 1):
        yield from _parts(f"{half}.mid.block_{i + 1}", f"{half}.mid_block.resnets.{i}", _VAE_RESNET)
    yield from _parts(f"{half}.mid.attn_1", f"{half}.mid_block.attentions.0", _VAE_ATTENTION)
    yield from _both(f"{half}.norm_out", f"{half}.conv_norm_out")
    yield from _both(f"{half}.conv_out", f"{half}.conv_out")


def _vae_resnet(ldm: str, library: str, before: int, width: int) -> Iterator[Pair]:
    yield from _parts(ldm, library, _VAE_RESNET)
    if before != width:
        yield from _both(f"{ldm}.nin_shortcut", f"{library}.conv_shortcut")

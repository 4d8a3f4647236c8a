import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from textual_inversion.hosts.standalone.checkpoint.ldm_keys import (
    SD1_UNET,
    SDXL_UNET,
    UnetShape,
    VaeShape,
    clip_text_keys,
    inverted,
    squeezed_keys,
    unet_keys,
    vae_keys,
)

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"


def diffusers_unet(shape: UnetShape, **more: object) -> UNet2DConditionModel:
    down = tuple(CROSS if depth else PLAIN for depth in shape.depths)
    return UNet2DConditionModel(
        block_out_channels=shape.channels,
        down_block_types=down,
        up_block_types=tuple(kind.replace("Down", "Up") for kind in reversed(down)),
        layers_per_block=shape.blocks,
        **more,
    )


def sdxl_unet() -> UNet2DConditionModel:
    return diffusers_unet(
        SDXL_UNET,
        transformer_layers_per_block=(1, 2, 10),
        cross_attention_dim=2048,
        attention_head_dim=(5, 10, 20),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    )


SHAPES = [
    pytest.param(SD1_UNET, {"cross_attention_dim": 768}, id="sd1"),
    pytest.param(SD1_UNET, {"cross_attention_dim": 1024, "use_linear_projection": True}, id="sd2"),
    pytest.param(UnetShape(channels=(96, 128, 128), blocks=1, depths=(1, 1, 0)), {}, id="small"),
    pytest.param(UnetShape(channels=(32, 32), blocks=3, depths=(0, 1)), {}, id="same width"),
]


@pytest.mark.parametrize(("shape", "more"), SHAPES)
def test_unet_names_are_just_those_of_diffusers(shape: UnetShape, more: dict[str, object]) -> None:
    with torch.device("meta"):
        unet = diffusers_unet(shape, **more)
    table = unet_keys(shape)
    assert set(table.values()) == set(unet.state_dict())
    assert inverted(inverted(table)) == table


def test_sdxl_unet_names() -> None:
    with torch.device("meta"):
        unet = sdxl_unet()
    assert set(unet_keys(SDXL_UNET).values()) == set(unet.state_dict())


@pytest.mark.parametrize("shape", [VaeShape(), VaeShape(channels=(128,) * 4, blocks=1)])
def test_vae_names_and_squeezed_weights(shape: VaeShape) -> None:
    with torch.device("meta"):
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=shape.channels,
            layers_per_block=shape.blocks,
        )
    table, weights = vae_keys(shape), vae.state_dict()
    assert set(table.values()) == set(weights)
    assert len(inverted(table)) == len(table)
    linear = {name for name, weight in weights.items() if name.endswith("weight") and weight.dim() == 2}
    assert {table[name] for name in squeezed_keys()} == linear


def test_clip_text_names() -> None:
    config = CLIPTextConfig(hidden_size=64, intermediate_size=64, num_hidden_layers=3, num_attention_heads=1)
    with torch.device("meta"):
        names = set(CLIPTextModel(config).state_dict())
    prefix = "text_model." if any(name.startswith("text_model.") for name in names) else ""
    assert set(clip_text_keys(3, library_prefix=prefix).values()) == names


@pytest.mark.parametrize(
    ("ldm", "library"),
    [
        ("time_embed.2.bias", "time_embedding.linear_2.bias"),
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", None),
        ("input_blocks.3.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight"),
        ("input_blocks.4.0.skip_connection.weight", "down_blocks.1.resnets.0.conv_shortcut.weight"),
        ("output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"),
        ("output_blocks.5.2.conv.bias", "up_blocks.1.upsamplers.0.conv.bias"),
        ("output_blocks.11.1.proj_in.weight", "up_blocks.3.attentions.2.proj_in.weight"),
    ],
)
def test_known_names_of_sd_15(ldm: str, library: str | None) -> None:
    expected = library or "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    assert unet_keys(SD1_UNET)[ldm] == expected


def test_counts_of_sd_15() -> None:
    assert (len(unet_keys(SD1_UNET)), len(vae_keys(VaeShape())), len(clip_text_keys(12))) == (686, 248, 196)
    assert vae_keys(VaeShape())["decoder.up.3.block.0.norm1.weight"] == "decoder.up_blocks.0.resnets.0.norm1.weight"

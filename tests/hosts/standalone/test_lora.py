"""LoRAs in the lent model: the layers they name, what is added, everything put back, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.base.errors import InputError, UserError
from textual_inversion.core.model.host import LeaseRequest, ModelFamily, PictureRequest
from textual_inversion.core.model.lora import LoraUse, parse_loras
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.lora.names import layers_by_name, split_name

Layers = dict[str, torch.nn.Module]
TO_Q = "mid_block_attentions_0_transformer_blocks_0_attn1_to_q"


@pytest.fixture
def host(tmp_path: Path) -> StandaloneHost:
    return make_host(tmp_path, "sd1")


def make_host(folder: Path, family: ModelFamily) -> StandaloneHost:
    path = make_tiny_checkpoint(folder / f"{family}.safetensors", family=family)
    return StandaloneHost(checkpoint=path, embeddings_dir=folder / "e", device="cpu")


def layers_of(host: StandaloneHost) -> Layers:
    model = host.load()
    return layers_by_name(model.networks, model.layout.unet.shape)


def halves(layer: torch.nn.Module, *, rank: int = 2, seed: int = 0) -> dict[str, torch.Tensor]:
    """The two matrices of a LoRA for this layer, and its alpha, which is half the rank."""
    generator = torch.Generator().manual_seed(seed)
    out, *inside = layer.weight.shape
    return {
        "lora_down.weight": torch.randn(rank, *inside, generator=generator) * 0.1,
        "lora_up.weight": torch.randn(out, rank, *(1 for _ in inside[1:]), generator=generator) * 0.1,
        "alpha": torch.tensor(rank / 2),
    }


def kohya_file(path: Path, layers: Layers, names: list[str]) -> Path:
    tensors = {f"{name}.{part}": value for name in names for part, value in halves(layers[name]).items()}
    save_file(tensors, path)
    return path


def use(path: Path, weight: float = 1.0) -> LeaseRequest:
    return LeaseRequest(loras=(LoraUse(file=str(path), weight=weight),))


def test_what_is_added_is_up_times_down_times_alpha_over_rank_and_comes_out_bit_for_bit(
    host: StandaloneHost, tmp_path: Path
) -> None:
    layers = layers_of(host)
    names = [f"lora_unet_{TO_Q}", "lora_te_text_model_encoder_layers_0_self_attn_k_proj"]
    names += [name for name in layers if name.startswith("lora_unet_") and name.endswith("resnets_0_conv1")][:1]
    assert len(names) == 3
    path = kohya_file(tmp_path / "l.safetensors", layers, names)
    before = {name: layers[name].weight.clone() for name in names}
    rest = {name: layer.weight.clone() for name, layer in layers.items() if layer not in [layers[n] for n in names]}
    with host.lease(use(path, 0.8)):
        for name in names:
            parts = halves(layers[name])
            delta = parts["lora_up.weight"].flatten(1) @ parts["lora_down.weight"].flatten(1)
            wanted = before[name] + 0.8 * 0.5 * delta.reshape(before[name].shape)
            torch.testing.assert_close(layers[name].weight, wanted)
        assert all(torch.equal(layers[name].weight, value) for name, value in rest.items())
    assert all(torch.equal(layers[name].weight, value) for name, value in before.items())


@pytest.mark.parametrize("kind", ["lora.{}", "lora_{}", "peft", "linear"])
def test_diffusers_names_mean_the_same_layers(host: StandaloneHost, tmp_path: Path, kind: str) -> None:
    layers = layers_of(host)
    dotted = [
        "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0",
        "text_encoder.text_model.encoder.layers.1.mlp.fc1",
    ]
    spelled = {
        "lora.{}": ("lora.down.weight", "lora.up.weight"),
        "lora_{}": ("lora_down.weight", "lora_up.weight"),
        "peft": ("lora_A.weight", "lora_B.weight"),
        "linear": ("lora_linear_layer.down.weight", "lora_linear_layer.up.weight"),
    }[kind]
    tensors = {}
    for name in dotted:
        parts = halves(layers[name])
        tensors |= {f"{name}.{spelled[0]}": parts["lora_down.weight"], f"{name}.{spelled[1]}": parts["lora_up.weight"]}
    save_file(tensors, tmp_path / "d.safetensors")
    before = [layers[name].weight.clone() for name in dotted]
    with host.lease(use(tmp_path / "d.safetensors")):
        for name, old in zip(dotted, before, strict=True):
            parts = halves(layers[name])
            torch.testing.assert_close(layers[name].weight, old + parts["lora_up.weight"] @ parts["lora_down.weight"])


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_kohya_s_names_are_those_that_diffusers_converts_to(family: ModelFamily, tmp_path: Path) -> None:
    """SDXL's files name the U-Net's layers as LDM does, SD 1.x's as diffusers does."""
    host = make_host(tmp_path, family)
    layers = layers_of(host)
    ldm = family == "sdxl"
    linear = [
        name
        for name, layer in layers.items()
        if name.startswith("lora_") and isinstance(layer, torch.nn.Linear) and "attn" in name
        and (not name.startswith("lora_unet_") or ("put_blocks" in name or "middle_block" in name) == ldm)
        and not (family == "sd1" and name.startswith("lora_te1_"))
    ]  # fmt: skip
    tensors = {f"{name}.{part}": value for name in linear for part, value in halves(layers[name]).items()}
    pipeline = StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline
    converted = pipeline.lora_state_dict(tensors, unet_config=host.load().networks.unet.config if ldm else None)
    state = converted[0] if isinstance(converted, tuple) else converted
    theirs = {found[0] for name in state if (found := split_name(name)) is not None}
    assert len(theirs) == len(linear)
    assert {id(layers[name]) for name in theirs} == {id(layers[name]) for name in linear}


def test_pictures_and_gradients_feel_it_and_the_next_picture_does_not(host: StandaloneHost, tmp_path: Path) -> None:
    layers = layers_of(host)
    path = kohya_file(tmp_path / "l.safetensors", layers, [f"lora_unet_{TO_Q}", "lora_unet_conv_in"])
    request = PictureRequest(prompt="a", width=64, height=64, steps=1)

    def picture(lease_request: LeaseRequest) -> bytes:
        with host.lease(lease_request) as lease:
            return lease.picture(request, embeddings={}).image.tobytes()

    plain = picture(LeaseRequest())
    assert picture(use(path, 8)) != plain
    assert picture(LeaseRequest()) == plain


def test_leaving_by_an_error_takes_it_out_too(host: StandaloneHost, tmp_path: Path) -> None:
    layers = layers_of(host)
    name = f"lora_unet_{TO_Q}"
    path = kohya_file(tmp_path / "l.safetensors", layers, [name])
    before = layers[name].weight.clone()
    lease = host.lease(use(path))
    lease.__enter__()
    assert not torch.equal(layers[name].weight, before)
    lease.__exit__(RuntimeError, RuntimeError("x"), None)
    assert torch.equal(layers[name].weight, before)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"lora_unet_input_blocks_4_1_nowhere.lora_down.weight": torch.ones(2, 4)}, "is for another model"),
        (
            {"lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha": torch.tensor(1.0)},
            r"another model \(SDXL, by its names\)",
        ),
        ({"lora_unet_x.hada_w1_a": torch.ones(1)}, "it is a LoHa, LoKr, DoRA or another relative"),
        ({f"lora_unet_{TO_Q}.lora_down.weight": torch.ones(2, 32)}, "has only one half"),
        (
            {
                f"lora_unet_{TO_Q}.lora_down.weight": torch.ones(2, 999),
                f"lora_unet_{TO_Q}.lora_up.weight": torch.ones(999, 2),
            },
            r"does not fit the loaded checkpoint: lora_unet_mid.*changes one of \[999, 999\]",
        ),
        ({"model.weight": torch.ones(1)}, "is no LoRA: it holds 'model.weight'"),
        ({"emb_params": torch.ones(1, 4)}, "holds no LoRA"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_changes(
    host: StandaloneHost, tmp_path: Path, tensors: dict[str, torch.Tensor], message: str
) -> None:
    layers = layers_of(host)
    before = {name: layer.weight.clone() for name, layer in layers.items()}
    save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(UserError, match=message) as caught, host.lease(use(tmp_path / "bad.safetensors")):
        pass
    assert caught.value.field == "lora"
    assert all(torch.equal(layers[name].weight, value) for name, value in before.items())


@pytest.mark.parametrize("file", ["missing.safetensors", "folder", "text.txt"])
def test_no_such_file(host: StandaloneHost, tmp_path: Path, file: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("x")
    with (
        pytest.raises(InputError, match="There is no LoRA file at"),
        host.lease(LeaseRequest(loras=parse_loras([str(tmp_path / file)]))),
    ):
        pass

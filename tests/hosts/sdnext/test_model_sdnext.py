"""What a real SD.Next does with its model between pictures: offload modes, inference mode, LoRAs, FreeU, tiling, other attention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from host_bench import Bench, differences
from safetensors.torch import save_file
from sdnext_pictures import gradient, loss, picture
from tiny_text_encoder import uniform

from textual_inversion.core.model.host import OWN_VAE, LeaseRequest, PictureRequest
from textual_inversion.hosts.swapped import swapped

pytestmark = pytest.mark.host


@pytest.fixture
def pipe(sd1: Bench) -> Any:
    from modules.modeldata import model_data

    return model_data.sd_model


@pytest.fixture
def options(sd1: Bench) -> Iterator[dict[str, Any]]:
    """The web UI's settings, put back afterwards."""
    from modules import shared

    before = dict(shared.opts.data)
    yield shared.opts.data
    shared.opts.data.clear()
    shared.opts.data.update(before)


def hooked(pipe: Any) -> list[str]:
    names = ("unet", "vae", "text_encoder")
    parts = {name: getattr(pipe, name) for name in names}
    return [
        name
        for name, part in parts.items()
        if any("_hf_hook" in vars(module) for module in part.modules())
        or (hasattr(part, "_diffusers_hook") and part._diffusers_hook.hooks)
    ]


def test_balanced_offload(sd1: Bench, pipe: Any, options: dict[str, Any]) -> None:
    from modules import sd_models, sd_offload

    without, before = gradient(sd1), picture()[0]
    options["diffusers_offload_mode"] = "balanced"
    try:
        sd_models.set_diffuser_offload(pipe)
        assert sorted(hooked(pipe)) == ["text_encoder", "unet", "vae"]
        assert picture()[0] == before
        live = sd1.live()
        with sd1.host.lease(LeaseRequest()) as lease:
            assert hooked(pipe) == []
            lease.picture(PictureRequest(prompt="tix3", steps=1, width=64, height=64), embeddings=live)
            assert hooked(pipe) == []
        assert sorted(hooked(pipe)) == ["text_encoder", "unet", "vae"]
        assert pipe.has_accelerate
        assert torch.equal(gradient(sd1), without)
        assert picture()[0] == before
    finally:
        options["diffusers_offload_mode"] = "none"
        sd_offload.disable_offload(pipe)


def test_sequential_offload_has_its_weights_elsewhere(sd1: Bench, pipe: Any, options: dict[str, Any]) -> None:
    """As `enable_sequential_cpu_offload`, which wants a card: the weights wait on the meta device."""
    import accelerate
    from modules import sd_offload

    without = gradient(sd1)
    again: list[str] = []

    def offload(_pipe: Any, **_: Any) -> None:
        again.append("offloaded")

    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        accelerate.cpu_offload(part, torch.device("cpu"), offload_buffers=True)
    pipe.has_accelerate = True
    try:
        assert next(pipe.unet.parameters()).device.type == "meta"
        with swapped(sd_offload, set_diffuser_offload=offload):
            assert torch.equal(gradient(sd1), without)
        assert again == ["offloaded"] * 2  # one lease to ask for widths, one for the gradient
    finally:
        pipe.has_accelerate = True
        sd_offload.disable_offload(pipe)


def test_group_offload(sd1: Bench, pipe: Any, options: dict[str, Any]) -> None:
    from modules import sd_offload

    without = gradient(sd1)
    again: list[str] = []
    pipe.enable_group_offload(
        onload_device=torch.device("cpu"), offload_device=torch.device("cpu"), offload_type="leaf_level"
    )
    try:
        assert hooked(pipe)
        with swapped(sd_offload, set_diffuser_offload=lambda *_, **__: again.append("offloaded")):
            assert torch.equal(gradient(sd1), without)
        assert again == ["offloaded"] * 2
        assert hooked(pipe) == []
    finally:
        pipe.has_accelerate = False


def test_inference_mode_by_option(sd1: Bench) -> None:
    """Pictures and embeddings then leave inference tensors among the weights."""
    from modules import devices

    without, before = gradient(sd1), picture()[0]
    weight = sd1.modules()[0].conv_in.weight
    with swapped(devices, inference_context=torch.inference_mode):
        assert picture()[0] == before
        with torch.inference_mode():
            made = torch.nn.Parameter(weight.detach().clone(), requires_grad=True)
        sd1.modules()[0].conv_in.weight = made
        try:
            assert made.is_inference()
            prints = sd1.fingerprint()
            assert torch.equal(gradient(sd1), without)
            assert sd1.modules()[0].conv_in.weight is made
            assert differences(prints, sd1.fingerprint()) == {}
            assert picture()[0] == before
        finally:
            sd1.modules()[0].conv_in.weight = weight


def test_attention_without_a_backward_pass_is_not_used(sd1: Bench) -> None:
    from modules import devices

    without = gradient(sd1)

    def forward_only(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        return (torch.softmax(query @ key.mT, dim=-1) @ value).detach()

    own = devices.sdpa_original or torch.nn.functional.scaled_dot_product_attention
    with (
        swapped(devices, sdpa_original=own),
        swapped(torch.nn.functional, scaled_dot_product_attention=forward_only),
    ):
        before = sd1.fingerprint()
        assert torch.equal(gradient(sd1), without)
        assert differences(before, sd1.fingerprint()) == {}


def test_other_processors_are_put_back(sd1: Bench) -> None:
    from diffusers.models.attention_processor import SlicedAttnProcessor

    without = gradient(sd1)
    unet = sd1.modules()[0]
    own = unet.attn_processors
    unet.set_attn_processor(SlicedAttnProcessor(1))
    try:
        before = sd1.fingerprint()
        assert torch.equal(gradient(sd1), without)
        assert differences(before, sd1.fingerprint()) == {}
    finally:
        unet.set_attn_processor(own)


@pytest.fixture
def lora(sd1: Bench) -> Iterator[str]:
    """The name of a LoRA of both parts of the model."""
    from modules import shared
    from modules.lora import lora_load

    path = Path(shared.cmd_opts.lora_dir) / "tiny-lora.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    weights: dict[str, torch.Tensor] = {}
    for key, width in (
        ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", 32),
        ("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 64),
    ):
        weights[f"{key}.lora_down.weight"] = uniform(f"{key} down", 2, width, std=0.5)
        weights[f"{key}.lora_up.weight"] = uniform(f"{key} up", width, 2, std=0.5)
        weights[f"{key}.alpha"] = torch.tensor(2.0)
    save_file(weights, path)
    lora_load.list_available_networks()
    yield "tiny-lora"
    path.unlink()
    lora_load.list_available_networks()


def query_weights(bench: Bench) -> list[torch.Tensor]:
    unet, _, text = bench.modules()
    text = getattr(text, "text_model", text)
    layers = (
        unet.down_blocks[0].attentions[0].transformer_blocks[0].attn1.to_q,
        text.encoder.layers[0].self_attn.q_proj,
    )
    return [layer.weight.detach().clone() for layer in layers]


def test_a_lora_of_the_last_picture_is_not_trained_with(sd1: Bench, lora: str) -> None:
    plain = picture()[0]
    own, without = query_weights(sd1), loss(sd1)
    with_lora = picture(f"a red cat <lora:{lora}:1>")[0]
    assert with_lora != plain
    assert not any(torch.equal(one, other) for one, other in zip(own, query_weights(sd1), strict=True))
    assert torch.equal(loss(sd1), without)
    assert all(torch.equal(one, other) for one, other in zip(own, query_weights(sd1), strict=True))
    assert picture(f"a red cat <lora:{lora}:1>")[0] == with_lora
    assert picture()[0] == plain


def test_a_preview_with_a_lora_leaves_nothing(sd1: Bench, lora: str) -> None:
    picture(f"a red cat <lora:{lora}:1>")  # from now on the layers carry what the web UI keeps on them
    plain, live = picture()[0], sd1.live()
    own = query_weights(sd1)
    with sd1.host.lease(LeaseRequest()) as lease:
        first, with_lora, again = (
            lease.picture(PictureRequest(prompt=prompt, steps=2, width=64, height=64), embeddings=live)
            for prompt in ("a tix3", f"a tix3 <lora:{lora}:1>", "a tix3")
        )
        assert all(torch.equal(one, other) for one, other in zip(own, query_weights(sd1), strict=True))
        conditioning = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        lease.predict(torch.zeros(1, 4, 8, 8), torch.tensor([5]), conditioning).sum().backward()
        assert all(weight.grad is None for part in sd1.modules() for weight in part.parameters())
    assert first.image.tobytes() == again.image.tobytes() != with_lora.image.tobytes()
    assert picture()[0] == plain


def test_tiling_and_freeu_are_off_in_a_run_and_back_afterwards(sd1: Bench, pipe: Any) -> None:
    from modules.processing_helpers import apply_circular

    own = loss(sd1)
    apply_circular(True, pipe)
    pipe.unet.enable_freeu(s1=0.5, s2=0.5, b1=1.5, b2=1.5)
    try:
        before = sd1.fingerprint()
        assert torch.equal(loss(sd1), own)
        assert differences(before, sd1.fingerprint()) == {}
        assert pipe.unet.up_blocks[0].b1 == 1.5
    finally:
        pipe.unet.disable_freeu()
        apply_circular(False, pipe)


def test_a_vae_of_its_own_file(sd1: Bench, pipe: Any) -> None:
    from modules import sd_vae, shared

    folder = Path(shared.opts.vae_dir) / "tiny-vae"
    other = pipe.vae
    changed = type(other).from_config(other.config)
    changed.load_state_dict({name: tensor * 1.1 for name, tensor in other.state_dict().items()})
    changed.save_pretrained(folder)
    sd_vae.refresh_vae_list()
    name = next(name for name, path in sd_vae.vae_dict.items() if Path(path) == folder)
    assert name in sd1.host.vae_names()
    pixels = torch.zeros(1, 3, 64, 64)
    before = sd1.fingerprint()
    with sd1.host.lease(LeaseRequest()) as lease:
        own = lease.encode_images(pixels).mean
    with sd1.host.lease(LeaseRequest(vae=name)) as lease:
        lease.check()
        assert not torch.allclose(lease.encode_images(pixels).mean, own)
        lease.picture(PictureRequest(prompt="a", steps=1, width=64, height=64), embeddings={})
        lease.check()
    with sd1.host.lease(LeaseRequest(vae=OWN_VAE)) as lease:
        assert torch.equal(lease.encode_images(pixels).mean, own)
    assert differences(before, sd1.fingerprint()) == {}

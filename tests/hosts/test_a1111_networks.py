"""What the last picture left in the model of a real AUTOMATIC1111 (LoRA, Hypertile), and what a preview must not leave."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from host_bench import Bench, differences
from safetensors.torch import save_file
from tiny_checkpoint import probe
from tiny_text_encoder import uniform

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.host import LeaseRequest, PictureRequest
from textual_inversion.core.model.lora import LoraUse

pytestmark = pytest.mark.host

UNET = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q"
CLIP = "cond_stage_model.wrapped.transformer.text_model.encoder.layers.0.self_attn.q_proj"


@pytest.fixture
def lora(sd1: Bench) -> Iterator[str]:
    """The name of a LoRA of both parts of the model, in the folder of the Lora extension that comes with the web UI."""
    networks = sys.modules.get("networks")
    if networks is None:
        pytest.skip("the Lora extension is not loaded")
    from modules import shared

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
    networks.list_available_networks()
    yield "tiny-lora"
    path.unlink()
    networks.list_available_networks()


def picture(prompt: str) -> None:
    """As the web UI's txt2img makes one."""
    from modules import processing

    p = processing.StableDiffusionProcessingTxt2Img(
        prompt=prompt, steps=1, width=64, height=64, do_not_save_samples=True, do_not_save_grid=True
    )
    processing.process_images(p)
    p.close()


def weights_of(bench: Bench) -> dict[str, torch.Tensor]:
    return {
        name: bench.modules()[0].get_submodule(name.rpartition(".")[0]).weight.detach().clone()
        for name in (f"{UNET}.weight", f"{CLIP}.weight")
    }


def loss(bench: Bench, *, pixels: int = 64) -> torch.Tensor:
    live, side = bench.live(), pixels // 8
    with bench.host.lease(LeaseRequest()) as lease, torch.no_grad():
        conditioning = lease.encode_prompts(["a photo of tix3"], embeddings=live, width=pixels, height=pixels)
        predicted = lease.predict(probe("latents", 1, 4, side, side), torch.tensor([400]), conditioning)
    return torch.nn.functional.mse_loss(predicted, probe("noise", 1, 4, side, side))


def test_a_lora_of_the_last_picture_is_not_trained_with(sd1: Bench, lora: str) -> None:
    picture("a cat")
    own, without = weights_of(sd1), loss(sd1)
    picture(f"a cat <lora:{lora}:1>")
    changed = weights_of(sd1)
    assert not any(torch.equal(own[name], changed[name]) for name in own)  # the file fits both parts
    assert torch.equal(loss(sd1), without)
    after = weights_of(sd1)
    assert all(torch.equal(own[name], after[name]) for name in own)


def test_a_preview_with_a_lora_leaves_nothing(sd1: Bench, lora: str) -> None:
    picture(f"a cat <lora:{lora}:1>")  # from now on the layers carry what the extension keeps on them
    picture("a cat")
    live = sd1.live()
    with sd1.host.lease(LeaseRequest()):
        own = weights_of(sd1)
    before = sd1.fingerprint()
    with sd1.host.lease(LeaseRequest()) as lease:
        prompts = ("a tix3", f"a tix3 <lora:{lora}:1>", "a tix3")
        first, with_lora, again = (
            lease.picture(PictureRequest(prompt=prompt, steps=2, width=64, height=64), embeddings=live)
            for prompt in prompts
        )
        assert all(torch.equal(own[name], weight) for name, weight in weights_of(sd1).items())
    assert differences(before, sd1.fingerprint()) == {}
    assert first.image.tobytes() == again.image.tobytes() != with_lora.image.tobytes()
    assert f"<lora:{lora}:1>" in with_lora.infotext


def test_hypertile_is_off_in_a_run_and_back_afterwards(sd1: Bench) -> None:
    hypertile = sys.modules.get("hypertile")
    if hypertile is None:
        pytest.skip("the Hypertile extension is not loaded")
    model: Any = sd1.modules()[0]
    without = loss(sd1, pixels=256)
    tiled = {"swap_size": 1, "max_depth": 3, "tile_size_max": 128}
    hypertile.hypertile_hook_model(model.model, 256, 256, enable=True, **tiled)
    try:
        settings = [
            vars(part)["__webui_hypertile_params"]
            for part in model.modules()
            if "__webui_hypertile_params" in vars(part)
        ]
        assert settings
        assert all(each.enabled for each in settings)
        before = sd1.fingerprint()
        assert torch.equal(loss(sd1, pixels=256), without)
        assert all(each.enabled for each in settings)
        assert differences(before, sd1.fingerprint()) == {}
        with torch.no_grad():  # it would have mattered
            noisy, context = probe("latents", 1, 4, 32, 32), torch.zeros(1, 77, 64)
            on, off = (_prediction(model, settings, noisy, context, enabled=enabled) for enabled in (True, False))
        assert not torch.allclose(on, off)
    finally:
        hypertile.hypertile_hook_model(model.model, 256, 256, enable=False, **tiled)


def _prediction(
    model: Any, settings: list[Any], noisy: torch.Tensor, context: torch.Tensor, *, enabled: bool
) -> torch.Tensor:
    for each in settings:
        each.enabled = enabled
    return model.apply_model(noisy, torch.tensor([400]), {"c_crossattn": [context]})


def test_tiling_of_the_last_picture_is_off_in_a_run_and_back_afterwards(sd1: Bench) -> None:
    from modules import sd_hijack

    own = loss(sd1)
    sd_hijack.model_hijack.apply_circular(True)
    try:
        before = sd1.fingerprint()
        assert torch.equal(loss(sd1), own)
        assert differences(before, sd1.fingerprint()) == {}
    finally:
        sd_hijack.model_hijack.apply_circular(False)


def test_a_lora_that_a_run_asks_for_is_in_the_model_while_it_is_lent_and_through_a_preview(
    sd1: Bench, lora: str
) -> None:
    from modules import shared

    picture("a cat")
    request = PictureRequest(prompt="a tix3", width=64, height=64, steps=1)
    live = sd1.live()
    with sd1.host.lease(LeaseRequest()) as lease:
        plain = lease.picture(request, embeddings=live).image.tobytes()
    before, own = sd1.fingerprint(), weights_of(sd1)
    path = str(Path(shared.cmd_opts.lora_dir) / f"{lora}.safetensors")
    for file in (path, lora, f"{lora}.safetensors"):
        live = sd1.live()
        with sd1.host.lease(LeaseRequest(loras=(LoraUse(file=file, weight=0.5),))) as lease:
            inside = weights_of(sd1)
            assert all(not torch.equal(inside[name], own[name]) for name in own)
            assert lease.picture(request, embeddings=live).image.tobytes() != plain
            assert all(torch.equal(value, inside[name]) for name, value in weights_of(sd1).items())
            conditioning = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
            lease.predict(probe("latents", 1, 4, 8, 8), torch.tensor([400]), conditioning).sum().backward()
            assert live["tix3"]["clip_l"].grad.norm() > 0
        assert all(torch.equal(value, own[name]) for name, value in weights_of(sd1).items())
    assert differences(before, sd1.fingerprint()) == {}


def test_a_lora_that_the_web_ui_does_not_have_is_refused_and_nothing_changes(sd1: Bench, lora: str) -> None:
    before = sd1.fingerprint()
    with (
        pytest.raises(InputError, match="has no LoRA called 'nowhere'. Put the file into") as caught,
        sd1.host.lease(LeaseRequest(loras=(LoraUse(file="nowhere"),))),
    ):
        pass
    assert caught.value.field == "lora"
    assert differences(before, sd1.fingerprint()) == {}

"""LoRAs and tiling in a real Forge or Forge Neo: those of the last picture, of a preview, and those that a run asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from host_bench import Bench
from safetensors.torch import save_file
from tiny_checkpoint import probe
from tiny_text_encoder import uniform

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.host import LeaseRequest, PictureRequest
from textual_inversion.core.model.lora import LoraUse

pytestmark = pytest.mark.host

CHANGED = (
    (0, "input_blocks.1.1.transformer_blocks.0.attn1.to_q"),
    (1, "clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj"),
)


@pytest.fixture
def lora(forge_sd1: Bench) -> Iterator[str]:
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


def picture(prompt: str) -> bytes:
    """As the web UI's txt2img makes one."""
    from modules import processing

    p = processing.StableDiffusionProcessingTxt2Img(
        prompt=prompt, steps=2, width=64, height=64, seed=3, do_not_save_samples=True, do_not_save_grid=True
    )
    try:
        return processing.process_images(p).images[0].tobytes()
    finally:
        p.close()


def weights_of(bench: Bench) -> list[torch.Tensor]:
    return [bench.modules()[part].get_submodule(name).weight.detach().clone() for part, name in CHANGED]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> list[bool]:
    return [torch.equal(one, other) for one, other in zip(first, second, strict=True)]


def loss(bench: Bench) -> torch.Tensor:
    live = bench.live()
    with bench.host.lease(LeaseRequest()) as lease, torch.no_grad():
        conditioning = lease.encode_prompts(["a photo of tix3"], embeddings=live, width=64, height=64)
        predicted = lease.predict(probe("latents", 1, 4, 8, 8), torch.tensor([400]), conditioning)
    return torch.nn.functional.mse_loss(predicted, probe("noise", 1, 4, 8, 8))


def test_a_lora_of_the_last_picture_is_not_trained_with_and_the_next_pictures_are_what_they_would_have_been(
    forge_sd1: Bench, lora: str
) -> None:
    plain, own, without = picture("a cat"), weights_of(forge_sd1), loss(forge_sd1)
    with_lora = picture(f"a cat <lora:{lora}:1>")
    assert with_lora != plain
    assert same(weights_of(forge_sd1), own) == [False, False]  # the file fits both parts
    assert torch.equal(loss(forge_sd1), without)
    assert picture(f"a cat <lora:{lora}:1>") == with_lora
    assert torch.equal(loss(forge_sd1), without)
    assert picture("a cat") == plain
    assert same(weights_of(forge_sd1), own) == [True, True]


def test_a_preview_with_a_lora_leaves_nothing(forge_sd1: Bench, lora: str) -> None:
    plain, live = picture("a cat"), forge_sd1.live()
    engine = forge_sd1.state()["engine"]
    with forge_sd1.host.lease(LeaseRequest()) as lease:
        own = weights_of(forge_sd1)
        prompts = ("a tix3", f"a tix3 <lora:{lora}:1>", "a tix3")
        first, with_lora, again = (
            lease.picture(PictureRequest(prompt=prompt, steps=2, width=64, height=64), embeddings=live)
            for prompt in prompts
        )
        lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        assert same(weights_of(forge_sd1), own) == [True, True]
    assert forge_sd1.state()["engine"] == engine
    assert first.image.tobytes() == again.image.tobytes() != with_lora.image.tobytes()
    assert f"<lora:{lora}:1>" in with_lora.infotext
    assert picture("a cat") == plain


def test_a_lora_that_a_run_asks_for_is_in_the_model_while_it_is_lent_and_through_a_preview(
    forge_sd1: Bench, lora: str
) -> None:
    from modules import shared

    before, own = picture("a cat"), weights_of(forge_sd1)
    request = PictureRequest(prompt="a tix3", width=64, height=64, steps=1)
    with forge_sd1.host.lease(LeaseRequest()) as lease:
        plain = lease.picture(request, embeddings=forge_live(forge_sd1)).image.tobytes()
    path = str(Path(shared.cmd_opts.lora_dir) / f"{lora}.safetensors")
    for file in (path, lora, f"{lora}.safetensors"):
        live = forge_live(forge_sd1)
        with forge_sd1.host.lease(LeaseRequest(loras=(LoraUse(file=file, weight=0.5),))) as lease:
            inside = weights_of(forge_sd1)
            assert same(inside, own) == [False, False]
            assert lease.picture(request, embeddings=live).image.tobytes() != plain
            conditioning = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
            assert same(weights_of(forge_sd1), inside) == [True, True]
            lease.predict(probe("latents", 1, 4, 8, 8), torch.tensor([400]), conditioning).sum().backward()
            assert live["tix3"]["clip_l"].grad.norm() > 0
        assert same(weights_of(forge_sd1), own) == [True, True]
    assert picture("a cat") == before


def forge_live(bench: Bench) -> Any:
    """Vectors without a lease of their own, since one may be held."""
    from tiny_text_encoder import embedding_vectors

    return {"tix3": {"clip_l": embedding_vectors("tix3", 3, 64).requires_grad_()}}


def test_a_lora_that_the_web_ui_does_not_have_is_refused(forge_sd1: Bench, lora: str) -> None:
    with (
        pytest.raises(InputError, match="has no LoRA called 'nowhere'. Put the file into") as caught,
        forge_sd1.host.lease(LeaseRequest(loras=(LoraUse(file="nowhere"),))),
    ):
        pass
    assert caught.value.field == "lora"


def test_tiling_of_the_last_picture_is_off_in_a_run_and_back_afterwards(forge_sd1: Bench) -> None:
    from modules import sd_models
    from modules_forge.utils import apply_circular_forge

    engine = sd_models.model_data.sd_model
    own = loss(forge_sd1)
    apply_circular_forge(engine, True)
    try:
        modes = [vars(module).get("padding_mode") for part in forge_sd1.modules() for module in part.modules()]
        assert torch.equal(loss(forge_sd1), own)
        assert engine.tiling_enabled
        assert modes == [vars(module).get("padding_mode") for part in forge_sd1.modules() for module in part.modules()]
    finally:
        apply_circular_forge(engine, False)

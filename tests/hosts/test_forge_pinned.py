"""What other people do in a real Forge or Forge Neo in the middle of a run, and which models it lends at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from host_bench import Bench, differences
from host_endings import Disturbed

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import LeaseError
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.core.run.train import train

pytestmark = pytest.mark.host


@pytest.fixture
def put_back(forge_process: ModuleType) -> Iterator[dict[str, Any]]:
    """The web UI's settings; afterwards they, and what it will load, are as before."""
    from modules import shared
    from modules_forge import main_entry

    before = dict(shared.opts.data)
    yield shared.opts.data
    shared.opts.data.clear()
    shared.opts.data.update(before)
    main_entry.refresh_model_loading_parameters()


def chosen(name: str) -> None:
    """As the list at the top of the page does it."""
    from modules import sd_models, shared
    from modules_forge import main_entry

    shared.opts.data["sd_model_checkpoint"] = sd_models.get_closet_checkpoint_match(f"tiny-{name}.safetensors").title
    main_entry.refresh_model_loading_parameters()


@pytest.mark.usefixtures("put_back")
def test_another_checkpoint_chosen_meanwhile_ends_the_run_saved_and_nothing_else_has_changed(
    forge_sd1: Bench, forge_process: ModuleType
) -> None:
    config = forge_sd1.config(steps=8, image_every=0, save_every=0, batch_size=1, csv_every=0)
    created = create(forge_sd1.host, name=config.name, init_text="ball", vectors=2, overwrite=True)
    try:
        before = forge_sd1.fingerprint()

        def choose(control: Control, predicted: torch.Tensor) -> torch.Tensor:
            chosen("sdxl")
            return predicted

        host = Disturbed(forge_sd1.host, choose, Control())
        finished = train(config, host, control=Control(), emit=lambda _: None)
        assert finished.outcome in ("stopped", "interrupted"), finished.message
        assert "Another checkpoint was chosen (tiny-sdxl in place of tiny-sd1)" in finished.message
        assert read_embedding(created).step == finished.step >= 2
        left = differences(before, forge_sd1.fingerprint())
        assert set(left) <= {"embeddings", "options", "chosen"}
        assert forge_process.load("sdxl") is not None
        with forge_sd1.host.lease(LeaseRequest()) as lease:
            assert lease.checkpoint.name == "tiny-sdxl"
    finally:
        created.unlink()
        forge_process.load("sd1")
        forge_sd1.host.publish(created)


def test_a_refresh_of_the_cards_in_the_middle_does_not_matter(forge_sd1: Bench) -> None:
    from modules import sd_models, ui_extra_networks_textual_inversion

    live = forge_sd1.live()
    text = sd_models.model_data.sd_model.text_processing_engine
    process = text.process_tokens

    def refreshed(*arguments: Any) -> Any:
        ui_extra_networks_textual_inversion.embedding_db.load_textual_inversion_embeddings(
            force_reload=True, sync_with_sd_model=False
        )
        return process(*arguments)

    with forge_sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        undisturbed = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        text.process_tokens = refreshed
        try:
            disturbed = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        finally:
            del text.process_tokens
    assert torch.equal(undisturbed.context, disturbed.context)
    assert disturbed.inserted == (3,)


def test_another_way_of_loading_is_told_and_clip_skip_is_pinned(forge_sd1: Bench, put_back: dict[str, Any]) -> None:
    from modules_forge import main_entry

    live = forge_sd1.live()
    with forge_sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        first = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
        put_back["CLIP_stop_at_last_layers"] = 2
        pinned = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
        assert torch.equal(first.context, pinned.context)
        put_back["forge_additional_modules"] = ["other.safetensors"]
        main_entry.refresh_model_loading_parameters()
        with pytest.raises(LeaseError, match="told to load tiny-sd1 in another way"):
            lease.check()
        put_back["forge_additional_modules"] = []
        main_entry.refresh_model_loading_parameters()
        lease.check()
    with forge_sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        skipped = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
    with forge_sd1.host.lease(LeaseRequest(clip_skip=1)) as lease, torch.no_grad():
        asked = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
    assert not torch.allclose(first.context, skipped.context)
    assert torch.equal(first.context, asked.context)


def refusal(bench: Bench, **request: Any) -> str:
    with pytest.raises(LeaseError) as raised, bench.host.lease(LeaseRequest(**request)):
        pass
    return raised.value.message


def test_models_that_cannot_be_trained_are_refused_with_a_sentence(
    forge_sd1: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modules import sd_models

    engine = sd_models.model_data.sd_model
    unet = engine.forge_objects.unet.model
    before = forge_sd1.fingerprint()
    assert "runs this model in float32, not in float16" in refusal(forge_sd1, precision="float16")
    with monkeypatch.context() as patch:
        patch.setattr(unet.predictor, "prediction_type", "const")
        assert "rectified flow" in refusal(forge_sd1)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "text_processing_engine", object())
        assert "SD 3 and Flux are none of these" in refusal(forge_sd1)
    with monkeypatch.context() as patch:
        few = torch.nn.Parameter(torch.zeros(4).to(torch.float8_e4m3fn), requires_grad=False)
        patch.setitem(unet.diffusion_model.time_embed[0]._parameters, "bias", few)
        assert "fewer bits (Parameter, float8_e4m3fn)" in refusal(forge_sd1)
    with monkeypatch.context() as patch:
        patch.setattr(sd_models.model_data, "forge_loading_parameters", {"checkpoint_info": None})
        assert "has no checkpoint" in refusal(forge_sd1)
    assert differences(before, forge_sd1.fingerprint()) == {}


def test_a_model_that_is_only_in_part_on_the_card_is_refused(forge_sd1: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = torch.nn.Parameter(torch.zeros(4, device="meta"), requires_grad=False)
    unet: Any = forge_sd1.modules()[0]
    with monkeypatch.context() as patch:
        patch.setitem(unet.time_embed[0]._parameters, "bias", elsewhere)
        assert "does not fit on the card as a whole" in refusal(forge_sd1)
    with forge_sd1.host.lease(LeaseRequest()) as lease:
        lease.check()


def test_a_checkpoint_that_the_web_ui_cannot_load_is_a_sentence(
    forge_sd1: Bench, forge_process: ModuleType, put_back: dict[str, Any]
) -> None:
    from modules import sd_models, shared

    path = Path(sd_models.model_path) / "tiny-broken.safetensors"
    path.write_bytes(b"this is no checkpoint")
    try:
        shared.opts.data["sd_model_checkpoint"] = "tiny-broken.safetensors"
        sd_models.list_models()
        chosen("broken")
        assert "could not load the chosen checkpoint" in refusal(forge_sd1)
    finally:
        path.unlink(missing_ok=True)
        sd_models.list_models()
        forge_process.load("sd1")


@pytest.fixture
def vae_file(forge_sd1: Bench) -> Iterator[str]:
    """A VAE of the same build with other weights, in the web UI's folder."""
    from modules import sd_vae
    from safetensors.torch import save_file

    weights = {key: value.detach().clone() * 1.1 for key, value in forge_sd1.modules()[2].state_dict().items()}
    path = Path(sd_vae.vae_path) / "other-vae.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    sd_vae.refresh_vae_list()
    yield path.name
    path.unlink()
    sd_vae.refresh_vae_list()


def test_another_vae_is_in_the_engine_as_long_as_it_is_lent(forge_sd1: Bench, vae_file: str) -> None:
    from textual_inversion.core.base.errors import FileFormatError, InputError

    assert vae_file in forge_sd1.host.vae_names()
    pixels = torch.zeros(1, 3, 64, 64)
    before = forge_sd1.fingerprint()
    with forge_sd1.host.lease(LeaseRequest()) as lease:
        own = lease.encode_images(pixels).mean
    for name, is_own in ((vae_file, False), ("None", True), ("", True)):
        with forge_sd1.host.lease(LeaseRequest(vae=name)) as lease:
            assert torch.equal(lease.encode_images(pixels).mean, own) == is_own
    assert differences(before, forge_sd1.fingerprint()) == {}
    with pytest.raises(InputError, match=f"There are: None, {vae_file}"):
        forge_sd1.host.find_vae("nowhere")
    from modules import sd_vae

    Path(sd_vae.vae_dict[vae_file]).write_bytes(b"no VAE")
    with (
        pytest.raises(FileFormatError, match="other-vae.safetensors cannot be read"),
        forge_sd1.host.lease(LeaseRequest(vae=vae_file)),
    ):
        pass
    assert differences(before, forge_sd1.fingerprint()) == {}

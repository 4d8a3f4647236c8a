from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from textual_inversion.demo import train_unet as unet_stage
from textual_inversion.demo import train_vae as vae_stage
from textual_inversion.demo.export import export_checkpoint, ldm_yaml
from textual_inversion.demo.models import (
    END_OF_TEXT,
    TINY,
    DemoShape,
    alphas_cumprod,
    build_text,
    build_unet,
    build_vae,
)
from textual_inversion.demo.paint import load_painter
from textual_inversion.demo.pictures import rendered, scenes
from textual_inversion.demo.text import token_ids
from textual_inversion.demo.train import with_whole_vocabulary
from textual_inversion.demo.words import collect_words, small_table


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class StopError(Exception):
    """Ends a training in its middle."""


def stop_at(monkeypatch: pytest.MonkeyPatch, module: object, name: str, call: int) -> None:
    """Makes the n-th call of a function of `module` raise `StopError`."""
    whole, calls = getattr(module, name), iter(range(1_000_000))

    def counted(*args: object, **kwargs: object) -> object:
        if next(calls) == call:
            raise StopError
        return whole(*args, **kwargs)

    monkeypatch.setattr(module, name, counted)


def test_the_vae_stage_resumes_bit_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = rendered(scenes(6, 1))
    plan = vae_stage.VaePlan(steps=4, batch_size=4, whole_share=0.3, save_seconds=0.0)
    whole = vae_stage.train_vae(pictures, plan, shape=TINY, folder=tmp_path / "whole", seed=1)
    with monkeypatch.context() as patch:
        stop_at(patch, vae_stage, "_batch", 2)
        with pytest.raises(StopError):
            vae_stage.train_vae(pictures, plan, shape=TINY, folder=tmp_path / "parts", seed=1)
    parts = vae_stage.train_vae(pictures, plan, shape=TINY, folder=tmp_path / "parts", seed=1)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def test_the_unet_stage_resumes_bit_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some, words = scenes(8, 1), collect_words(300)
    latents = torch.randn(8, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    data = unet_stage.Material(latents, torch.zeros(8, 8, 8), some, words)
    plan = unet_stage.UnetPlan(steps=4, batch_size=2, save_seconds=0.0)
    exported: list[int] = []

    def run(folder: Path) -> unet_stage.Denoiser:
        return unet_stage.train_unet(
            data, plan, shape=TINY, folder=folder, seed=1, export=lambda _, step: exported.append(step)
        )

    whole = run(tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(patch, unet_stage, "_batch", 3)
        with pytest.raises(StopError):
            run(tmp_path / "parts")
    parts = run(tmp_path / "parts")
    assert exported == [4, 4]
    for network in ("unet", "text"):
        pairs = zip(getattr(whole, network).parameters(), getattr(parts, network).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    untrained = build_unet(TINY).state_dict()["conv_in.weight"]
    assert not torch.equal(whole.unet.state_dict()["conv_in.weight"], untrained)


def test_words_and_whole_vocabulary_give_the_same_conditioning() -> None:
    words = collect_words(300)
    torch.manual_seed(0)
    small = build_text(TINY, len(words.ids)).eval()
    whole = with_whole_vocabulary(small, words, TINY).eval()
    texts = ["a red circle on a blue background", ""]
    with torch.no_grad():
        few = small(words.rows(texts)).last_hidden_state
        all_ = whole(token_ids(texts)).last_hidden_state
    assert torch.equal(few, all_)
    assert small_table(whole).shape == (49408, TINY.text_width)
    with pytest.raises(ValueError, match="vocabulary"):
        words.rows(["a zeppelin"])


def test_no_word_of_any_caption_is_missing() -> None:
    assert set(collect_words(3000, 5).ids.tolist()) == set(collect_words(3000, 0).ids.tolist())


def test_captions_are_padded_as_sd_1_pads_them() -> None:
    row = token_ids(["a circle"])[0].tolist()
    assert row[0] == END_OF_TEXT - 1
    assert row[3:] == [END_OF_TEXT] * 74


def test_an_export_holds_everything_and_paints_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae, unet, text = build_vae(TINY), build_unet(TINY), build_text(TINY)
    path = export_checkpoint(tmp_path, vae=vae, unet=unet, text=text, shape=TINY, scale_factor=0.7)
    tensors = load_file(path)
    assert (tmp_path / "demo.yaml").exists()
    assert (tmp_path / "demo-text-encoder" / "config.json").exists()
    assert torch.allclose(tensors["alphas_cumprod"].double(), alphas_cumprod(), atol=1e-7)
    assert tensors["first_stage_model.encoder.mid.attn_1.q.weight"].shape == (32, 32, 1, 1)
    painter = load_painter(path, 0.7, TINY)
    assert torch.equal(painter.unet.state_dict()["conv_in.weight"], unet.state_dict()["conv_in.weight"].half().float())
    pictures = painter.paint(["a red circle", "a blue star"], seed=5, steps=2)
    assert [picture.size for picture in pictures] == [(64, 64), (64, 64)]


def test_a_shape_that_ldm_cannot_express_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of the first"):
        ldm_yaml(DemoShape(unet_channels=(96, 128)), 1.0, "text")

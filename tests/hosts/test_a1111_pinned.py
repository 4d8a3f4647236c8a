"""What other people do in a real AUTOMATIC1111 in the middle of a run, and which models it lends at all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from host_bench import Bench

from textual_inversion.core.base.errors import LeaseError
from textual_inversion.core.model.host import LeaseRequest

pytestmark = pytest.mark.host


def test_a_refresh_of_the_cards_in_the_middle_does_not_matter(sd1: Bench) -> None:
    from modules import sd_hijack

    live = sd1.live()
    model = sd1.modules()[0]
    process = model.cond_stage_model.process_tokens

    def refreshed(*arguments: Any) -> Any:
        sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)
        return process(*arguments)

    with sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        undisturbed = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        model.cond_stage_model.process_tokens = refreshed
        try:
            disturbed = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        finally:
            del model.cond_stage_model.process_tokens
        after = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
    assert torch.equal(undisturbed.context, disturbed.context)
    assert torch.equal(undisturbed.context, after.context)
    assert disturbed.inserted == (3,)


def test_another_choice_of_checkpoint_or_vae_is_told_and_clip_skip_is_pinned(sd1: Bench) -> None:
    from modules import sd_models, shared

    live = sd1.live()
    data = shared.opts.data
    before = dict(data)
    with sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        first = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
        data["CLIP_stop_at_last_layers"] = 2
        pinned = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
        assert data["CLIP_stop_at_last_layers"] == 2
        assert torch.equal(first.context, pinned.context)
        data["sd_model_checkpoint"] = sd_models.get_closet_checkpoint_match("tiny-sd2").title
        with pytest.raises(LeaseError, match="Another checkpoint was chosen .tiny-sd2 in place of tiny-sd1"):
            lease.check()
        data["sd_model_checkpoint"] = before["sd_model_checkpoint"]
        lease.check()
        data["sd_vae"] = "other.pt"
        with pytest.raises(LeaseError, match="Another VAE was chosen"):
            lease.check()
    data.update(before)
    data["CLIP_stop_at_last_layers"] = 2
    with sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        skipped = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
    with sd1.host.lease(LeaseRequest(clip_skip=1)) as lease, torch.no_grad():
        asked = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
    data.update(before)
    assert not torch.allclose(first.context, skipped.context)
    assert torch.equal(first.context, asked.context)


def test_models_that_cannot_be_trained_are_refused_with_a_sentence(sd1: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import devices, shared

    def refusal(**request: Any) -> str:
        with pytest.raises(LeaseError) as raised, sd1.host.lease(LeaseRequest(**request)):
            pass
        return raised.value.message

    assert "runs this model in float32, not in float16" in refusal(precision="float16")
    with monkeypatch.context() as patch:
        patch.setattr(shared.cmd_opts, "lowvram", True)
        assert "--medvram instead" in refusal()
    with monkeypatch.context() as patch:
        patch.setattr(devices, "fp8", True)
        assert "8 bits" in refusal()
    with monkeypatch.context() as patch:
        patch.setattr(sd1.modules()[0], "is_sd3", True)
        assert "Stable Diffusion 3" in refusal()

"""`--medvram` in a real AUTOMATIC1111. On a CPU nothing moves, but the hooks are the same."""

from __future__ import annotations

import pytest
import torch
from host_bench import Bench, differences, work

from textual_inversion.core.model.host import LeaseRequest

pytestmark = pytest.mark.host


CARD = torch.device("cpu", 0)
"""Another name of the CPU, so that what goes there can be told from what goes to RAM."""


def test_what_medvram_does_is_suspended_and_comes_back(sd1: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import devices, lowvram

    model = sd1.modules()[0]
    live = sd1.live()
    encode, decode = model.first_stage_model.encode, model.first_stage_model.decode
    hooked = [model.cond_stage_model.wrapped.transformer, model.model, model.first_stage_model]
    kept = [dict(part._forward_pre_hooks) for part in hooked]
    original = model.cond_stage_model.transformer if hasattr(model.cond_stage_model, "transformer") else None
    model.cond_stage_model.transformer = model.cond_stage_model.wrapped.transformer
    try:
        lowvram.setup_for_low_vram(model, True)
        before = sd1.fingerprint()
        moves = _recorded_moves(monkeypatch, dict(zip(("text", "unet", "vae"), hooked, strict=True)), whole=model)
        monkeypatch.setattr(devices, "device", CARD)
        with sd1.host.lease(LeaseRequest()) as lease:
            assert not model.model._forward_pre_hooks
            assert not model.cond_stage_model.wrapped.transformer._forward_pre_hooks
            assert moves == {"text": ["card"], "unet": ["card"]}
            lease.encode_images(torch.zeros(1, 3, 64, 64))
            assert moves["vae"] == ["card"]
            lease.park_vae()
            assert moves["vae"] == ["card", "RAM"]
            work(lease, live)
            assert set(moves["vae"][2::2]) == {"card"}
            assert set(moves["vae"][3::2]) == {"RAM"}
            assert moves["vae"][-1] == "RAM"
            assert (moves["text"], moves["unet"]) == (["card"], ["card"])
        assert (moves["text"], moves["unet"]) == (["card", "RAM"], ["card", "RAM"])
        monkeypatch.undo()
        after = sd1.fingerprint()
        assert differences(before, after) == {}
        assert model.model._forward_pre_hooks
    finally:
        if original is None:
            del model.cond_stage_model.transformer
        for part, hooks in zip(hooked, kept, strict=True):
            part._forward_pre_hooks.clear()
            part._forward_pre_hooks.update(hooks)
        del model.first_stage_model.encode, model.first_stage_model.decode
        assert (model.first_stage_model.encode, model.first_stage_model.decode) == (encode, decode)
        model.lowvram = False
        lowvram.module_in_gpu = None


def _recorded_moves(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, torch.nn.Module], *, whole: torch.nn.Module
) -> dict[str, list[str]]:
    """Where each part is sent from now on. SD 1's text encoder is moved with the module around it."""
    moves: dict[str, list[str]] = {}
    names = {id(part): name for name, part in parts.items()} | {id(whole.cond_stage_model): "text"}
    move = torch.nn.Module.to

    def to(part: torch.nn.Module, *places: object, **options: object) -> torch.nn.Module:
        place = next((each for each in places if isinstance(each, torch.device)), None)
        if id(part) in names and place is not None:
            moves.setdefault(names[id(part)], []).append("card" if place == CARD else "RAM")
        return move(part, *places, **options)

    monkeypatch.setattr(torch.nn.Module, "to", to)
    return moves

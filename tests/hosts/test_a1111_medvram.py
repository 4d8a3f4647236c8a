"""`--medvram` in a real AUTOMATIC1111. On a CPU nothing moves, but the hooks are the same."""

from __future__ import annotations

import pytest
from host_bench import Bench, differences, work

from textual_inversion.core.host import LeaseRequest

pytestmark = pytest.mark.host


def test_what_medvram_does_is_suspended_and_comes_back(sd1: Bench) -> None:
    """On a CPU nothing moves, but its hooks are the same."""
    from modules import lowvram

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
        with sd1.host.lease(LeaseRequest()) as lease:
            assert not model.model._forward_pre_hooks
            assert not model.cond_stage_model.wrapped.transformer._forward_pre_hooks
            work(lease, live)
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

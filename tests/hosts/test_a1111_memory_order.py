"""On a processor, no convolution of a training step has to put its weights into another order first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from textual_inversion.core.model.host import LeaseRequest

pytestmark = pytest.mark.host


def test_convolutions_get_what_lies_as_their_weights_do(load: Callable[[str], Any], webui: Any) -> None:
    unet = load("sd1").model.diffusion_model
    convolutions = [part for part in unet.modules() if isinstance(part, torch.nn.Conv2d) and part.kernel_size != (1, 1)]
    told: list[bool] = []
    hooks = [
        part.register_forward_hook(lambda _part, given, _result: told.append(given[0].is_contiguous()))
        for part in convolutions
    ]
    before = {name: len(part._forward_hooks) for name, part in unet.named_modules()}
    with webui.host.lease(LeaseRequest()) as lease:
        conditioning = lease.encode_prompts(["a red circle"], embeddings={}, width=64, height=64)
        lease.predict(torch.randn(1, 4, 8, 8), torch.tensor([500]), conditioning)
    assert {name: len(part._forward_hooks) for name, part in unet.named_modules()} == before
    for hook in hooks:
        hook.remove()
    assert len(told) == len(convolutions)
    assert all(told)

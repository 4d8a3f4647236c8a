"""``--medvram``: the web UI moves one part of the model to the card when it is called, and the others away.

That would take the text encoder from under a backward pass. While the model is lent, text encoders and U-Net stay on the card.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modules import devices, lowvram
from torch import nn

_HOOK = "send_me_to_gpu"


@contextmanager
def staying_on_device(model: Any) -> Iterator[None]:
    """Does nothing without ``--medvram``. The VAE still comes and goes with its calls."""
    if not lowvram.is_enabled(model):
        yield
        return
    text = model.conditioner if hasattr(model, "conditioner") else model.cond_stage_model
    parts: list[nn.Module] = [text, model.model]
    hooked = [(part, OrderedDict(part._forward_pre_hooks)) for whole in parts for part in whole.modules()]
    lowvram.send_everything_to_cpu()
    try:
        for part, hooks in hooked:
            _keep(part, {key: hook for key, hook in hooks.items() if getattr(hook, "__name__", "") != _HOOK})
        for part in parts:
            part.to(devices.device)
        yield
    finally:
        for part in parts:
            part.to(devices.cpu)
        for part, hooks in hooked:
            _keep(part, hooks)
        lowvram.send_everything_to_cpu()
        devices.torch_gc()


def _keep(part: nn.Module, hooks: dict[int, Any]) -> None:
    part._forward_pre_hooks.clear()
    part._forward_pre_hooks.update(hooks)

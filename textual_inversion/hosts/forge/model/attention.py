"""The attention that runs while parts are changed: torch's scaled dot product, differentiable and linear in memory.

The web UI's own choice may have no backward pass (Sage, Flash), or keep more for it. Previews run with what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from backend import attention
from backend.nn import unet, vae

from ...swapped import swapped

_IN_THE_VAE = {
    "attention_function_single_head_spatial": "pytorch_attention_single_head_spatial",
    "attention_function_vae": "pytorch_attention_vae",
}
"""Names under which one or another web UI has its choice, and torch's function."""


@contextmanager
def differentiable() -> Iterator[None]:
    """Inside, it is torch's. The models' files took the chosen functions over by name when they were imported, so they are replaced there."""
    with ExitStack() as stack:
        stack.enter_context(swapped(unet, attention_function=attention.attention_pytorch))
        for chosen, torchs in _IN_THE_VAE.items():
            if chosen in vars(vae):
                stack.enter_context(swapped(vae, **{chosen: getattr(attention, torchs)}))
        yield

"""Global random states that foreign code may use, and that nobody finds moved afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def forked() -> Iterator[None]:
    """Leaving puts torch's (CPU and the current CUDA card), Python's and numpy's global states back."""
    python, numpy_state = random.getstate(), np.random.get_state()
    cards = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=cards):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)

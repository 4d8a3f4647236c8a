"""Imported once by a fork server: what a first run would import and prepare, so that its children start at once.

No backward pass: torch refuses to fork after one where it has accelerators.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import killed_run  # noqa: F401
import torch
from engine_world import make_world

from textual_inversion.core.formats import read_embedding, write_embedding

torch.set_num_threads(1)
_parameter = torch.nn.Parameter(torch.zeros(1, 1))
_parameter.grad = torch.ones(1, 1)
torch.optim.AdamW([_parameter]).step()
with tempfile.TemporaryDirectory() as _folder:
    _made = make_world(Path(_folder)).create()
    write_embedding(read_embedding(_made), Path(_folder) / "card.png")

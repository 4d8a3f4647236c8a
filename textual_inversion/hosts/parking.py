"""A part of the model that waits in RAM while others need the card."""

from __future__ import annotations

import torch
from torch import nn


class Parking:
    """``device`` is where the part works; on a CPU there is nothing to gain and nothing moves."""

    def __init__(self, part: nn.Module, device: torch.device) -> None:
        self._part, self._device = part, device
        self.parked = False

    def park(self) -> None:
        if not self.parked and self._device.type != "cpu":
            self._part.to("cpu")
            self.parked = True

    def unpark(self) -> None:
        if self.parked:
            self._part.to(self._device)
            self.parked = False

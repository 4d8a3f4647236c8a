"""The most memory that is in use while something runs."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil
import torch

_SECONDS_BETWEEN_LOOKS = 0.005


class PeakMemory:
    """``with PeakMemory(device) as peak: ...``; afterwards ``peak.megabytes`` (10^6 bytes).

    On CUDA what torch had allocated at most; on a CPU the largest resident size of this process, looked at every 5 ms.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.megabytes = 0.0

    def __enter__(self) -> PeakMemory:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._device.type == "cuda":
            self.megabytes = torch.cuda.max_memory_allocated(self._device) / 1e6
            return
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._done.wait(_SECONDS_BETWEEN_LOOKS):
            self.megabytes = max(self.megabytes, process.memory_info().rss / 1e6)

"""A host and an engine for commands that only remember what they were asked."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from PIL import Image

from textual_inversion.core.model.host import Picture
from textual_inversion.core.record import events


class FakeLease:
    def picture(self, request, *, embeddings):
        return Picture(image=Image.new("RGB", (request.width, request.height)), infotext=f"Seed: {request.seed}")


class FakeHost:
    native_size = 64

    def __init__(self, embeddings_dir: Path) -> None:
        self.embeddings_dir = embeddings_dir
        self.requests: list = []

    def lease(self, request):
        self.requests.append(request)
        return nullcontext(FakeLease())


FINISHED = events.Finished(
    outcome="done", message="Training finished.", step=3, best_step=None, embedding="e.pt", run_dir="run", files=("e.pt",), exit_code=0
)  # fmt: skip
STEPPED = events.Stepped(
    step=1, total_steps=3, epoch=0, epoch_step=0, loss=float("nan"), smooth_loss=0.2, learn_rate=0.005,
    gradient_norm=1.0, vector_norm=1.0, seconds=0.1, eta_seconds=1.0, prompt="p",
)  # fmt: skip


class FakeEngine:
    """Stands for ``core.run.train``; ``calls`` holds what it was given, ``finished`` what it answers."""

    def __init__(self) -> None:
        self.calls, self.finished, self.during = [], FINISHED, lambda control: None

    def __call__(self, config, host, *, control, emit, resume=None, from_step=None):
        self.calls.append((config, resume, from_step))
        self.during(control)
        if isinstance(self.finished, Exception):
            raise self.finished
        emit(STEPPED)
        emit(self.finished)
        return self.finished

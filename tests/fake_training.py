"""A host without a model, and a training that only pretends: quick, steerable, and with files where real ones lie."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from PIL import Image

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import InputError
from textual_inversion.core.base.files import write_json
from textual_inversion.core.model.host import LeaseRequest, Picture, PictureRequest
from textual_inversion.core.model.vae_attention import VaeAttention
from textual_inversion.core.record.events import Emit, Evaluated, Finished, Outcome, Prepared, Previewed, Saved, Stepped
from textual_inversion.core.record.run_folder import RunDirectory, new_run_directory, open_run_directory
from textual_inversion.core.record.state_file import load_state, save_state
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.core.update.state import RunState


def colours_alike(pixels: torch.Tensor) -> VaeAttention:
    """A VAE's attention to which places of the same colour look alike."""
    colours = torch.nn.functional.avg_pool2d(pixels, 8)[0].flatten(1).T
    return VaeAttention(queries=100 * colours, keys=colours)


class FakeLease:
    vae_attention = staticmethod(colours_alike)

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, object]) -> Picture:
        colour = (request.seed * 37 % 256, len(request.prompt) * 11 % 256, 140)
        image = Image.new("RGB", (request.width, request.height), colour)
        return Picture(image=image, infotext=f"{request.prompt}\nSteps: {request.steps}, Seed: {request.seed}")


class FakeHost:
    """``leases`` counts how often the model was lent."""

    name = "fake"
    native_size = 64

    def __init__(self, folder: Path) -> None:
        self.embeddings_dir = folder / "embeddings"
        self.embeddings_dir.mkdir(parents=True, exist_ok=True)
        templates = folder / "templates"
        templates.mkdir(exist_ok=True)
        (templates / "style_filewords.txt").write_text("a picture of [filewords], in the style of [name]\n")
        (templates / "subject.txt").write_text("a photo of [name]\n")
        self.template_dirs: Sequence[Path] = [templates]
        self.leases = 0

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[FakeLease]:
        self.leases += 1
        yield FakeLease()

    def model_shape(self) -> None:
        """Nothing is known of it."""

    def count_tokens(self, text: str) -> int | None:
        return len(text.split())

    def vae_names(self) -> Sequence[str]:
        return ("kl.vae.pt",)

    def find_vae(self, name: str) -> Path | None:
        if name not in ("None", *self.vae_names()):
            raise InputError(f"There is no VAE called {name!r}. There are: None, kl.vae.pt.", field="vae")
        return None if name == "None" else Path(name)

    def embedding_names(self) -> set[str]:
        return {path.stem for path in self.embeddings_dir.glob("*.pt")}

    def publish(self, path: Path) -> None:
        """Nothing to tell anyone."""


class FakeTraining:
    """``seconds`` a step; ``fail_at`` raises there; ``steps_seen`` are all steps that any run made."""

    def __init__(self, *, seconds: float = 0.0, fail_at: int | None = None) -> None:
        self.seconds = seconds
        self.fail_at = fail_at
        self.steps_seen: list[int] = []

    def __call__(
        self,
        config: TrainConfig,
        host: FakeHost,
        *,
        control: Control,
        emit: Emit,
        resume: Path | None = None,
        from_step: int | None = None,
    ) -> Finished:
        if not config.data:
            raise InputError("No dataset directory is given.", field="data")
        run, begun = self._open(config, resume)
        emit(_prepared(config, run, begun))
        outcome: Outcome = "done"
        step = begun
        for step in range(begun + 1, config.steps + 1):
            self._one_step(config, run, step, control, emit)
            if control.stop_wanted:
                outcome = "paused" if control.paused.is_set() else "interrupted"
                break
        return self._finish(config, host, run, step, outcome, emit)

    def _open(self, config: TrainConfig, resume: Path | None) -> tuple[RunDirectory, int]:
        if resume is not None:
            run, _ = open_run_directory(resume)
            return run, load_state(run.state).step
        run = new_run_directory(Path(config.log_dir), config.name)
        write_json(run.plan, {"config": config.to_mapping()})
        return run, 0

    def _one_step(self, config: TrainConfig, run: RunDirectory, step: int, control: Control, emit: Emit) -> None:
        if step == self.fail_at:
            raise RuntimeError("the fake was told to break")
        time.sleep(self.seconds)
        self.steps_seen.append(step)
        emit(_stepped(config, step, self.seconds))
        if config.evaluate_every and step % config.evaluate_every == 0:
            emit(Evaluated(step=step, loss=0.12 + 0.1 * math.exp(-step / 60), best=True))
        if (config.image_every and step % config.image_every == 0) or control.take_preview():
            emit(_preview(run, step))
        if control.take_save():
            save_state(_state(step), run.state)
            emit(Saved(step=step, what="state", path=str(run.state)))

    def _finish(
        self, config: TrainConfig, host: FakeHost, run: RunDirectory, step: int, outcome: Outcome, emit: Emit
    ) -> Finished:
        save_state(_state(step), run.state)
        path = host.embeddings_dir / f"{config.name}.pt"
        if not path.exists():
            path.write_bytes(b"not a real embedding")
        message = f"Training {outcome} at step {step}."
        finished = Finished(
            outcome=outcome,
            message=message,
            step=step,
            best_step=step,
            embedding=str(path),
            run_dir=str(run.root),
            files=(str(path),),
            exit_code=0,
        )
        emit(finished)
        return finished


def _prepared(config: TrainConfig, run: RunDirectory, step: int) -> Prepared:
    return Prepared(
        name=config.name,
        run_dir=str(run.root),
        start_step=step,
        total_steps=config.steps,
        pictures=5,
        vectors=2,
        checkpoint="fake [0123456789]",
        device="cpu",
    )


def _stepped(config: TrainConfig, step: int, seconds: float) -> Stepped:
    noise = torch.rand(1, generator=torch.Generator().manual_seed(step)).item() - 0.5
    smooth = 0.12 + 0.12 * math.exp(-step / 60)
    return Stepped(
        step=step,
        total_steps=config.steps,
        epoch=step // 5,
        epoch_step=step % 5,
        loss=smooth + 0.15 * noise,
        smooth_loss=smooth + 0.01 * noise,
        learn_rate=0.005 * (1 - step / (config.steps + 1)),
        gradient_norm=0.01 + 0.004 * noise,
        vector_norm=1 + 0.4 * (1 - math.exp(-step / 80)),
        seconds=seconds,
        eta_seconds=(config.steps - step) * seconds,
        prompt=f"a photo of {config.name}, <b>step {step}</b>",
    )


def _preview(run: RunDirectory, step: int) -> Previewed:
    path = run.image(step)
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), (step * 5 % 256, 90, 200 - step % 200)).save(path)
    infotext = f"a photo of {run.name} <img src=x onerror=alert(1)>\nSteps: 20, Sampler: Euler a, Seed: 0, Size: 64x64"
    return Previewed(step=step, index=0, path=str(path), prompt=f"a photo of {run.name}", infotext=infotext)


def _state(step: int) -> RunState:
    return RunState(step=step, vectors={"clip_l": torch.zeros(1, 4)}, optimizer_tensors={}, optimizer_numbers={})


def wait_for(what, seconds: float = 10.0):
    """The first true value of ``what()``; fails when it takes too long."""
    for _ in itertools.takewhile(lambda end: time.monotonic() < end, itertools.repeat(time.monotonic() + seconds)):
        if result := what():
            return result
        time.sleep(0.01)
    raise AssertionError(f"nothing happened in {seconds} s")

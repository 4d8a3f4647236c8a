"""Requests about runs, with the words that forms and messages use. ``TrainConfig`` is the one to train."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.base.options import option


@dataclass(frozen=True, kw_only=True)
class ConvertRequest:
    """An embedding's file in another format."""

    source: str = option(
        "", "From", group="Convert", help="File of the embedding: .pt, .bin, .safetensors, .png, .webp."
    )
    target: str = option("", "To", group="Convert", help="File to write; its ending chooses the format.")
    file_format: str = option("", "Format", group="Convert", help="Needed where the ending leaves a choice.")
    overwrite: bool = option(
        False, "Overwrite", group="Convert", help="Replace the target where it holds something else."
    )


@dataclass(frozen=True, kw_only=True)
class QueueRequest:
    """Mode of the queue."""

    go_on_after_restart: bool = option(
        False, "Go on by itself after a restart", group="Queue", help="Otherwise what was queued waits to be started."
    )


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One run."""

    run: str = option("", "Run", group="Run", help="Its id, as the list of runs has it.")


@dataclass(frozen=True, kw_only=True)
class EventsRequest(RunRequest):
    """Events of a run."""

    after: int = option(0, "After", group="Run", low=0, help="Only events with a number above this.")


@dataclass(frozen=True, kw_only=True)
class EventPictureRequest(RunRequest):
    """A picture that a run told of."""

    number: int = option(0, "Number", group="Run", low=0, help="Of the event that told of it.")


@dataclass(frozen=True, kw_only=True)
class UseRequest(RunRequest):
    """Step that becomes the finished embedding."""

    step: int = option(0, "Step", group="Use", low=0, high=10_000_000, help="One of which a copy was kept.")
    stop: bool = option(False, "Stop the run first", group="Use", help="Its end would replace the step.")


@dataclass(frozen=True, kw_only=True)
class MoveRequest(RunRequest):
    """Place in the queue for a run that waits."""

    place: int = option(1, "Place", group="Queue", low=1, high=1_000_000, help="From 1, the next one.")


@dataclass(frozen=True, kw_only=True)
class ResumeRequest(RunRequest):
    """Settings of a run that goes on."""

    steps: int | None = option(None, "Max steps", group="Resume", low=1, high=10_000_000, help="A new total.")
    from_step: int | None = option(None, "From step", group="Resume", low=0, high=10_000_000, help="A saved step.")

"""One limit for each kind of seed, wherever it is asked for."""

from __future__ import annotations

import pytest

from textual_inversion import cli
from textual_inversion.core.base.options import options_of
from textual_inversion.core.base.seeds import LARGEST_PICTURE_SEED, LARGEST_SEED
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.creation import CreateRequest
from textual_inversion.runs.sheet_request import SheetRequest
from textual_inversion.ui.generation import GenerateRequest


@pytest.mark.parametrize(
    ("request_class", "name", "most"),
    [
        (TrainConfig, "seed", LARGEST_SEED),
        (CreateRequest, "seed", LARGEST_SEED),
        (TrainConfig, "preview_seed", LARGEST_PICTURE_SEED),
        (SheetRequest, "seed", LARGEST_PICTURE_SEED),
        (GenerateRequest, "seed", LARGEST_PICTURE_SEED),
    ],
)
def test_forms(request_class: type, name: str, most: int) -> None:
    assert options_of(request_class)[name].high == most


def test_a_browser_keeps_every_digit() -> None:
    assert float(LARGEST_SEED) == LARGEST_SEED
    assert int(float(LARGEST_SEED)) == LARGEST_SEED
    assert int(float(LARGEST_SEED + 2)) != LARGEST_SEED + 2


@pytest.mark.parametrize(("seed", "count"), [(LARGEST_PICTURE_SEED + 1, 1), (LARGEST_PICTURE_SEED, 2), (2**53, 1)])
def test_the_command_line(seed: int, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The last picture's seed is one too, so it is known before the first picture."""
    assert cli.main(["generate", "--prompt", "a", "--seed", str(seed), "--count", str(count)]) == 2
    assert f"is not between 0 and {LARGEST_PICTURE_SEED}" in capsys.readouterr().err

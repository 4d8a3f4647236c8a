from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from textual_inversion.demo.evaluate import evaluate
from textual_inversion.demo.grader import ASSETS
from textual_inversion.demo.paint import load_painter


def scale_factor() -> float:
    lines = (ASSETS / "demo.yaml").read_text(encoding="utf-8").splitlines()
    return float(next(line.split(":")[1] for line in lines if "scale_factor" in line))


def test_the_shipped_checkpoint_is_small_and_whole() -> None:
    path = ASSETS / "demo.safetensors"
    assert path.stat().st_size < 40_000_000
    with safe_open(path, framework="pt") as file:
        kinds = {name: file.get_slice(name).get_dtype() for name in file.keys() if name.startswith("model.")}  # noqa: SIM118
    # The few biases that give the context its mean (see demo/emphasis.py) keep the digits that halves would lose.
    assert {name for name, kind in kinds.items() if kind != "F16"} <= {name for name in kinds if name.endswith(".bias")}
    assert (ASSETS / "demo-text-encoder" / "config.json").exists()


def test_no_path_of_a_machine_is_in_the_yaml() -> None:
    text = (ASSETS / "demo.yaml").read_text(encoding="utf-8")
    assert 'version: "demo-text-encoder"' in text
    assert not any(part in text for part in ("/home", "/tmp", ":\\"))


@pytest.fixture(scope="module")
def shares() -> dict[str, float]:
    torch.set_num_threads(1)
    painter = load_painter(Path(ASSETS / "demo.safetensors"), scale_factor())
    return evaluate(lambda prompts: painter.paint(prompts, seed=0, steps=10), 16).shares


@pytest.mark.parametrize("field", ["shape", "colour", "background", "position"])
def test_the_shipped_checkpoint_draws_what_captions_say(shares: dict[str, float], field: str) -> None:
    assert shares[field] >= 0.8

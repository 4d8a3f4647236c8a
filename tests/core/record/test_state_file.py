"""The resume state: exact there and back, and nothing but a state is taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.record.state_file import load_state, save_state
from textual_inversion.core.update.state import RunState


def _state(**changes: Any) -> RunState:
    values: dict[str, Any] = {
        "step": 7,
        "vectors": {"clip_l": torch.randn(2, 3), "clip_g": torch.randn(2, 5)},
        "optimizer_tensors": {"0.step": torch.tensor(7.0), "0.exp_avg": torch.randn(2, 3)},
        "optimizer_numbers": {"groups": [{"lr": 0.1, "betas": [0.9, 0.999], "d": 1e-6 / 3, "foreach": None}]},
        "average": {"clip_l": torch.randn(2, 3), "clip_g": torch.randn(2, 5)},
        "average_updates": 7,
        "best_vectors": {"clip_l": torch.randn(2, 3), "clip_g": torch.randn(2, 5)},
        "best_step": 5,
        "best_loss": 0.1 + 0.2,
        "evaluations": [(0, 1.0 / 3), (5, 0.1 + 0.2)],
        "smooth_loss": 2.0 / 3,
        "rate_scale": 0.1,
        "rolled_back": True,
        "loss_scale": 2.0**15,
        "loss_scale_good_steps": 3,
        "first_step": 2,
        "reference": {"clip_l": torch.randn(2, 3), "clip_g": torch.randn(2, 5)},
        "word_loss": 1.0 / 7,
        **changes,
    }
    return RunState(**values)


def _same(one: RunState, two: RunState) -> None:
    for name, value in vars(one).items():
        other = getattr(two, name)
        if isinstance(value, dict) and value and all(isinstance(each, torch.Tensor) for each in value.values()):
            assert sorted(value) == sorted(other), name
            assert all(torch.equal(value[key], other[key]) and value[key].dtype == other[key].dtype for key in value)
        else:
            assert value == other, name


def test_everything_comes_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "resume.safetensors"
    for state in (
        _state(),
        _state(step=0, optimizer_tensors={}, average={}, best_vectors={}, best_step=None, reference={}, first_step=0),
    ):
        save_state(state, path)
        _same(state, load_state(path))
    assert [each.name for each in tmp_path.iterdir()] == ["resume.safetensors"]


def test_vectors_that_share_memory_or_need_gradients_can_be_saved(tmp_path: Path) -> None:
    rows = torch.nn.Parameter(torch.randn(4, 3))
    path = tmp_path / "resume.safetensors"
    save_state(
        _state(vectors={"clip_l": rows[::2]}, average={}, best_vectors={"clip_l": rows[::2]}, reference={}), path
    )
    assert torch.equal(load_state(path).vectors["clip_l"], rows[::2].detach())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("state") / "resume.safetensors"
    save_state(_state(), path)
    return path.read_bytes()


def _refused(path: Path, words: str) -> None:
    with pytest.raises(FileFormatError, match="cannot be read as the state of a run") as caught:
        load_state(path)
    assert words in caught.value.message
    assert caught.value.message.endswith("Continue from one of the saved copies instead.")
    assert str(path) in caught.value.message


@given(cut=st.integers(0, 10_000))
def test_half_a_file_is_refused(tmp_path_factory: pytest.TempPathFactory, written: bytes, cut: int) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.safetensors"
    path.write_bytes(written[: cut % len(written)])
    _refused(path, "")


@pytest.mark.parametrize("content", [b"", b"not a state", b"\xff" * 64, b"\x08\0\0\0\0\0\0\0[[[[[[[["])
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "resume.safetensors"
    path.write_bytes(content)
    _refused(path, "")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    _refused(tmp_path / "resume.safetensors", "")


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "resume.safetensors"
    save_file({"emb_params": torch.ones(1, 3)}, path)
    _refused(path, "it is a safetensors file of another kind")


def _with(path: Path, *, version: str = "1", tensors: dict[str, torch.Tensor] | None = None, **numbers: Any) -> None:
    base = {"step": 7, "optimizer_numbers": {}, "evaluations": [], **numbers}
    content = {"vectors/clip_l": torch.ones(1, 3), **(tensors or {})}
    metadata = {
        "version": version,
        "state": json.dumps({key: value for key, value in base.items() if value is not ...}),
    }
    path.write_bytes(save(content, metadata=metadata))


def test_the_helper_of_the_next_test_writes_states(tmp_path: Path) -> None:
    _with(tmp_path / "resume.safetensors")
    assert load_state(tmp_path / "resume.safetensors").step == 7


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "2"}, "it has version 2, and this program reads version 1"),
        ({"step": ...}, "step"),
        ({"step": -1}, "it holds no step or no vectors"),
        ({"step": "7"}, "it holds no step or no vectors"),
        ({"unknown": 1}, "unknown"),
        ({"evaluations": [[1]]}, ""),
        ({"evaluations": None}, ""),
        ({"evaluations": [["a", "b"]]}, ""),
        ({"tensors": {"other/clip_l": torch.ones(1)}}, "other"),
        ({"tensors": {"plain": torch.ones(1)}}, ""),
        ({"tensors": {"vectors/clip_l": torch.full((1, 3), float("nan"))}}, "its vectors are no finite numbers"),
        ({"tensors": {"vectors/clip_l": torch.ones(3)}}, "its vectors are no finite numbers"),
        ({"tensors": {"average/clip_l": torch.ones(2, 3)}}, "its average or best vectors"),
        ({"tensors": {"average/clip_g": torch.ones(1, 3)}}, "its average or best vectors"),
        ({"best_step": 3}, "its best step has no vectors"),
        ({"tensors": {"best_vectors/clip_l": torch.ones(1, 3)}}, "its best vectors have no step"),
        ({"rate_scale": "1"}, "its scales and counts"),
        ({"loss_scale": 0}, "its scales and counts"),
        ({"loss_scale": float("nan")}, "its scales and counts"),
        ({"average_updates": None}, "its scales and counts"),
        ({"smooth_loss": "small"}, "its losses are no numbers"),
        ({"word_loss": "small"}, "its losses are no numbers"),
        ({"first_step": 8}, "its first step is none"),
        ({"first_step": None}, "its first step is none"),
        ({"tensors": {"reference/clip_l": torch.ones(2, 3)}}, "its reference is not"),
    ],
)
def test_states_that_make_no_sense_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = tmp_path / "resume.safetensors"
    _with(path, **changes)
    _refused(path, words)


def test_deep_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resume.safetensors"
    metadata = {"version": "1", "state": "[" * 200_000}
    path.write_bytes(save({"vectors/a": torch.ones(1, 1)}, metadata=metadata))
    _refused(path, "")

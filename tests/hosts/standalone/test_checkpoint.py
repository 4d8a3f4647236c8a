"""Checkpoint files: read whole, refused with a sentence, never executed."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import types
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from textual_inversion.core.base.errors import FileFormatError, LeaseError
from textual_inversion.hosts.file_hash import sha256
from textual_inversion.hosts.standalone.checkpoint.checkpoint import read_checkpoint

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}


def test_safetensors_and_ckpt_hold_the_same(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors", metadata={"modelspec.prediction_type": "v"})
    torch.save({"state_dict": TENSORS, "global_step": 3}, tmp_path / "model.ckpt")
    torch.save(TENSORS, tmp_path / "bare.ckpt")
    for name in ("model.safetensors", "model.ckpt", "bare.ckpt"):
        tensors = read_checkpoint(tmp_path / name).tensors
        assert tensors.keys() == TENSORS.keys()
        assert all(
            torch.equal(tensors[key], TENSORS[key]) and tensors[key].dtype == TENSORS[key].dtype for key in TENSORS
        )
    assert read_checkpoint(tmp_path / "model.safetensors").metadata == {"modelspec.prediction_type": "v"}


class _Calls:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_ckpt_that_calls_a_function_is_refused_and_calls_nothing(tmp_path: Path) -> None:
    torch.save({"state_dict": TENSORS, "extra": _Calls(tmp_path / "called")}, tmp_path / "evil.ckpt")
    with pytest.raises(FileFormatError, match=r"evil\.ckpt cannot be read safely"):
        read_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "called").exists()


def test_what_lightning_left_in_old_files_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SD 1's own .ckpt files hold a callback's class; here it is not installed, and nothing of it is made."""
    names = ["pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.callbacks.model_checkpoint"]
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    kind = type("ModelCheckpoint", (), {"__module__": names[-1]})
    sys.modules[names[-1]].ModelCheckpoint = kind  # type: ignore[attr-defined]
    torch.save({"callbacks": {kind: {"best": 1.0}}, "state_dict": TENSORS}, tmp_path / "old.ckpt")
    monkeypatch.undo()
    assert read_checkpoint(tmp_path / "old.ckpt").tensors.keys() == TENSORS.keys()


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, (10**12).to_bytes(8, "little") + b"{}", b"PK\x03\x04broken"])
@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_broken_files_are_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"broken{suffix}").write_bytes(content)
    with pytest.raises(FileFormatError, match="broken"):
        read_checkpoint(tmp_path / f"broken{suffix}")


def test_a_cut_off_file_says_so(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "cut.safetensors")
    whole = (tmp_path / "cut.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-4])
    with pytest.raises(FileFormatError, match="cut off"):
        read_checkpoint(tmp_path / "cut.safetensors")


def test_missing_files_and_other_kinds(tmp_path: Path) -> None:
    with pytest.raises(LeaseError, match="no checkpoint at"):
        read_checkpoint(tmp_path / "absent.safetensors")
    (tmp_path / "list.ckpt").write_bytes(pickle.dumps([1, 2], protocol=2))
    with pytest.raises(FileFormatError, match=r"list\.ckpt"):
        read_checkpoint(tmp_path / "list.ckpt")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(FileFormatError, match=r"\.safetensors and \.ckpt"):
        read_checkpoint(tmp_path / "model.gguf")


def test_the_hash_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for content in (b"one", b"other"):
        path.write_bytes(content)
        assert sha256(path) == hashlib.sha256(content).hexdigest()

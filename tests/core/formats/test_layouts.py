"""Layouts of other tools, made here as those tools make them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from format_samples import sample
from safetensors.torch import save_file

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.formats import read_embedding

VECTORS = sample(vectors=2).vectors["*"]
XTI = ["IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "MID", *(f"OUT{n:02}" for n in range(3, 12))]


def _webui(tensor: object, **more: object) -> dict[str, object]:
    return {"string_to_token": {"*": 265}, "string_to_param": {"*": tensor}, "name": "cat", "step": 3} | more


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_web_ui_files_in_every_float_type(tmp_path: Path, dtype: torch.dtype, zipped: bool) -> None:
    tensor = VECTORS.to(dtype)
    path = tmp_path / "cat.pt"
    torch.save(_webui(torch.nn.Parameter(tensor)), path, _use_new_zipfile_serialization=zipped)
    found = read_embedding(path)
    assert torch.equal(found.vectors["*"], tensor.float())
    assert (found.name, found.step, found.file_format) == ("cat", 3, "a1111")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_device_tag_is_ignored(tmp_path: Path, zipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files saved on a graphics card say so in each storage's tag."""
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    torch.save(_webui(VECTORS), tmp_path / "cat.pt", _use_new_zipfile_serialization=zipped)
    assert b"cuda:0" in (tmp_path / "cat.pt").read_bytes()
    assert torch.equal(read_embedding(tmp_path / "cat.pt").vectors["*"], VECTORS)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_that_share_a_storage_or_are_turned(tmp_path: Path, zipped: bool) -> None:
    table = torch.randn(6, 8)
    torch.save({"<a>": table.T[1:3]}, tmp_path / "a.bin", _use_new_zipfile_serialization=zipped)
    assert torch.equal(read_embedding(tmp_path / "a.bin").vectors["*"], table.T[1:3])


def test_original_ldm_with_a_placeholder_of_its_own(tmp_path: Path) -> None:
    parameters = torch.nn.ParameterDict({"sks": torch.nn.Parameter(VECTORS)})
    torch.save({"string_to_token": {"sks": torch.tensor(265)}, "string_to_param": parameters}, tmp_path / "e.pt")
    found = read_embedding(tmp_path / "e.pt")
    assert (found.name, found.file_format) == ("sks", "ldm")
    assert torch.equal(found.vectors["*"], VECTORS)


def test_original_ldm_with_several_placeholders(tmp_path: Path) -> None:
    parameters = torch.nn.ParameterDict({name: torch.nn.Parameter(VECTORS) for name in ("cat", "dog")})
    torch.save({"string_to_token": {}, "string_to_param": parameters}, tmp_path / "e.pt")
    with pytest.raises(FileFormatError, match=r"2 embeddings \(cat, dog\)"):
        read_embedding(tmp_path / "e.pt")


def test_diffusers_vector_without_rows(tmp_path: Path) -> None:
    torch.save({"<cat>": VECTORS[0]}, tmp_path / "learned_embeds.bin")
    found = read_embedding(tmp_path / "learned_embeds.bin")
    assert (found.name, found.vectors["*"].shape) == ("<cat>", (1, 768))


def test_a_bare_tensor(tmp_path: Path) -> None:
    torch.save(VECTORS, tmp_path / "bare.pt")
    assert torch.equal(read_embedding(tmp_path / "bare.pt").vectors["*"], VECTORS)


def test_ai_toolkit_metadata(tmp_path: Path) -> None:
    metadata = {"name": "cat", "step": "250", "string_to_token": json.dumps({"*": 265}), "notes": "made at night"}
    save_file({"emb_params": VECTORS}, tmp_path / "cat.safetensors", metadata)
    found = read_embedding(tmp_path / "cat.safetensors")
    assert (found.name, found.step, dict(found.notes)) == ("cat", 250, {"notes": "made at night"})


def test_kohya_modelspec(tmp_path: Path) -> None:
    metadata = {"modelspec.title": "cat", "modelspec.date": "2024", "modelspec.architecture": "x/textual-inversion"}
    save_file({"emb_params": VECTORS}, tmp_path / "cat.safetensors", metadata)
    found = read_embedding(tmp_path / "cat.safetensors")
    assert (found.name, found.file_format, dict(found.notes)) == ("cat", "kohya", {"modelspec.date": "2024"})


@pytest.mark.parametrize(("step", "read"), [("12", 12), ("-3", None), ("1e3", None), ("²", None), ("9" * 40, None)])
def test_steps_that_are_no_count_are_left_out(tmp_path: Path, step: str, read: int | None) -> None:
    save_file({"emb_params": VECTORS}, tmp_path / "cat.safetensors", {"step": step})
    assert read_embedding(tmp_path / "cat.safetensors").step == read


def test_one_encoder_of_sdxl_keeps_its_key(tmp_path: Path) -> None:
    save_file({"clip_g": torch.randn(2, 1280)}, tmp_path / "g.safetensors")
    assert set(read_embedding(tmp_path / "g.safetensors").vectors) == {"clip_g"}


@pytest.mark.parametrize("inner", ["emb_params", "string_to_param.*"])
def test_an_embedding_bundled_into_a_lora(tmp_path: Path, inner: str) -> None:
    tensors = {f"bundle_emb.cat.{inner}": VECTORS, "lora_unet_x.lora_up.weight": torch.zeros(4, 4)}
    save_file(tensors, tmp_path / "lora.safetensors")
    found = read_embedding(tmp_path / "lora.safetensors")
    assert found.name == "cat"
    assert torch.equal(found.vectors["*"], VECTORS)


def test_several_bundled_embeddings_are_listed(tmp_path: Path) -> None:
    tensors = {f"bundle_emb.{name}.{key}": torch.ones(1, 4) for name in ("dog", "cat") for key in ("clip_l", "clip_g")}
    save_file(tensors, tmp_path / "lora.safetensors")
    with pytest.raises(FileFormatError, match=r"a LoRA with 2 embeddings in it \(cat, dog\)"):
        read_embedding(tmp_path / "lora.safetensors")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["emp_params", "emp_params_out"], "output embedding.*switched off"),
        (["clip_l", "clip_g", "clip_l_out", "clip_g_out"], "output embedding"),
        (XTI, "kohya's XTI"),
        (["<a>", "<b>"], r"2 tensors \(<a>, <b>\)"),
        (["lora_te.lora_up.weight", "lora_te.lora_down.weight", "lora_te.alpha"], "a LoRA .3 tensors. without"),
        ([f"model.{n}" for n in range(40)], "40 tensors: a model"),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_what_is_no_embedding_is_named(tmp_path: Path, keys: list[str], words: str, suffix: str) -> None:
    tensors = {key: torch.ones(2, 8) for key in keys}
    path = tmp_path / f"x{suffix}"
    if suffix == ".pt":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
    with pytest.raises(FileFormatError, match=words):
        read_embedding(path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"hash": "1234", "optimizer_state_dict": {}}, "optimiser's state"),
        ({"state_dict": {"a": torch.ones(1)}}, "a checkpoint"),
        ({"epoch": 3}, "no tensors"),
        ([torch.ones(2, 2)], "it holds a list"),
        (_webui("text"), "no tensor"),
        (_webui(torch.ones(2, 3, 4)), r"shape \[2, 3, 4\]"),
        (_webui(torch.ones(0, 768)), r"shape \[0, 768\]"),
        (_webui(torch.tensor(1.0)), r"shape \[\]"),
        (_webui(torch.ones(2, 8, dtype=torch.int64)), "stored as int64"),
        (_webui(torch.ones(2, 8, dtype=torch.complex64)), "stored as complex64"),
        (_webui(torch.ones(2, 8).to(torch.float8_e4m3fn)), "float8_e4m3fn"),
        (_webui(torch.tensor([[1.0, 2.0], [float("nan"), 1.0]])), "vector 2 holds NaN or infinity"),
        (_webui(torch.tensor([[1e300]], dtype=torch.float64)), "vector 1 holds NaN or infinity"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_wrong_contents_get_a_sentence(tmp_path: Path, value: object, words: str, zipped: bool) -> None:
    path = tmp_path / "bad.pt"
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(FileFormatError, match=words) as caught:
        read_embedding(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("zipped", [True, False])
def test_the_original_trainers_file_in_both_containers(tmp_path: Path, zipped: bool) -> None:
    """In the older one torch writes the class of a module with its source text, and refers to that."""
    parameters = torch.nn.ParameterDict({"*": torch.nn.Parameter(VECTORS)})
    root = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": parameters}
    torch.save(root, tmp_path / "e.pt", _use_new_zipfile_serialization=zipped)
    found = read_embedding(tmp_path / "e.pt")
    assert torch.equal(found.vectors["*"], VECTORS)
    assert found.file_format == "ldm"


def test_a_module_of_another_class_is_refused(tmp_path: Path) -> None:
    torch.save({"string_to_param": torch.nn.Linear(2, 2)}, tmp_path / "e.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(FileFormatError, match="Nothing was executed"):
        read_embedding(tmp_path / "e.pt")

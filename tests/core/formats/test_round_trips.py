"""What goes in comes out: every format, any values, any words."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from format_samples import about, embeddings, same_vectors, sample, sdxl_sample
from hypothesis import HealthCheck, given, settings
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import FORMATS, convert, format_for, read_embedding, write_embedding

_QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_KEEP_ALL = [
    ("a1111", ".pt"),
    ("safetensors", ".safetensors"),
    ("kohya", ".safetensors"),
    ("onetrainer", ".safetensors"),
]
_KEEP_ALL += [("invoke", ".safetensors"), ("diffusers", ".safetensors"), ("png", ".png"), ("webp", ".webp")]
_KEEP_VECTORS = [("ldm", ".pt"), ("kohya", ".pt"), ("kohya", ".ckpt"), ("diffusers", ".bin")]
_SDXL = ["safetensors", "sdxl", "kohya", "onetrainer", "invoke", "png", "webp"]


@_QUICK
@given(embedding=embeddings())
@pytest.mark.parametrize(("name", "suffix"), _KEEP_ALL)
def test_keeps_everything(tmp_path: Path, embedding: Embedding, name: str, suffix: str) -> None:
    if len(embedding.vectors) not in FORMATS[name].encoders:
        return
    if name == "diffusers" and len(embedding.vectors) == 2:
        return  # a pair is recognised by SDXL's widths: see test_pair_and_library
    path = tmp_path / f"file{suffix}"
    write_embedding(embedding, path, file_format=name, image=Image.new("RGB", (40, 50)), caption=False)
    found = read_embedding(path)
    assert same_vectors(embedding, found)
    assert about(found) == about(embedding)


@_QUICK
@given(embedding=embeddings())
@pytest.mark.parametrize(("name", "suffix"), _KEEP_VECTORS)
def test_keeps_the_vectors(tmp_path: Path, embedding: Embedding, name: str, suffix: str) -> None:
    if len(embedding.vectors) == 2:
        return
    path = tmp_path / f"file{suffix}"
    write_embedding(embedding, path, file_format=name)
    assert same_vectors(embedding, read_embedding(path))


@pytest.mark.parametrize("name", _SDXL)
def test_both_encoders_of_sdxl(tmp_path: Path, name: str) -> None:
    embedding = sdxl_sample(name="xl", step=7, checkpoint_hash="0123456789", checkpoint_name="base")
    path = tmp_path / f"xl{FORMATS[name].suffixes[0]}"
    write_embedding(embedding, path, file_format=name)
    found = read_embedding(path)
    assert same_vectors(embedding, found)
    assert about(found) == about(embedding)


def test_hcp_joins_and_splits_the_encoders(tmp_path: Path) -> None:
    embedding = sdxl_sample(name="xl")
    write_embedding(embedding, tmp_path / "xl.pt", file_format="hcp")
    stored = torch.load(tmp_path / "xl.pt", weights_only=True)["string_to_param"]["*"]
    assert stored.shape == (2, 2048)
    assert torch.equal(stored[:, :768], embedding.vectors["clip_l"])
    found = read_embedding(tmp_path / "xl.pt")
    assert same_vectors(embedding, found)
    assert found.file_format == "hcp"


def test_the_largest_usable_embedding(tmp_path: Path) -> None:
    embedding = sdxl_sample(vectors=75, name="large")
    for name in ("large.png", "large.safetensors"):
        write_embedding(embedding, tmp_path / name)
        assert same_vectors(embedding, read_embedding(tmp_path / name))


def test_a_pt_holds_only_what_the_web_ui_allows(tmp_path: Path) -> None:
    """A1111's safe unpickler refuses container entries that torch 2.7 added; torch's own reader takes the rest."""
    embedding = sample(name="cat", step=12)
    write_embedding(embedding, tmp_path / "cat.pt")
    with zipfile.ZipFile(tmp_path / "cat.pt") as archive:
        assert set(archive.namelist()) <= {f"archive/{n}" for n in ("data.pkl", "data/0", "version", "byteorder")}
    loaded = torch.load(tmp_path / "cat.pt", weights_only=True)
    assert {"string_to_token", "string_to_param", "name", "step", "sd_checkpoint", "sd_checkpoint_name"} == set(loaded)
    assert loaded["string_to_token"] == {"*": 265}
    assert torch.equal(loaded["string_to_param"]["*"], embedding.vectors["*"])
    assert not loaded["string_to_param"]["*"].requires_grad


def test_the_same_embedding_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.pt", "two.pt"):
        write_embedding(sample(name="cat", step=12), tmp_path / name)
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()


def test_a_view_does_not_carry_its_table_along(tmp_path: Path) -> None:
    table = torch.randn(5000, 768, requires_grad=True)
    for suffix in (".pt", ".safetensors"):
        path = tmp_path / f"row{suffix}"
        write_embedding(Embedding(vectors={"clip_l": table[7:8]}, name="row"), path)
        assert path.stat().st_size < 8000
        assert torch.equal(read_embedding(path).vectors["*"], table[7:8].detach())


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".png", ".webp"])
def test_no_local_path_leaves(tmp_path: Path, suffix: str) -> None:
    embedding = sample(
        name="cat",
        checkpoint_name="/home/anna/models/base.ckpt",
        notes={"data": r"C:\Users\anna\cats\1.png and https://example.org/a/b", "ratio": "1/2 or 3/4"},
    )
    write_embedding(embedding, tmp_path / f"cat{suffix}")
    found = read_embedding(tmp_path / f"cat{suffix}")
    assert found.checkpoint_name == "base.ckpt"
    assert found.notes == {"data": "1.png and https://example.org/a/b", "ratio": "1/2 or 3/4"}
    assert b"anna" not in (tmp_path / f"cat{suffix}").read_bytes()


def test_the_extension_decides_the_format() -> None:
    one, two = sample(), sdxl_sample()
    formats = [
        format_for(Path(f"x{suffix}"), one) for suffix in (".pt", ".PT", ".safetensors", ".bin", ".png", ".webp")
    ]
    assert formats == ["a1111", "a1111", "safetensors", "diffusers", "png", "webp"]
    assert [format_for(Path(f"x{suffix}"), two) for suffix in (".pt", ".safetensors")] == ["sdxl", "sdxl"]


@pytest.mark.parametrize(
    ("path", "file_format", "words"),
    [
        ("x.jpg", None, r"'x\.jpg' does not say which format"),
        ("x.pt", "comfy", "no format 'comfy'. Choose one of: a1111"),
        ("x.png", "a1111", r"called \*\.pt or \*\.bin, not 'x\.png'"),
    ],
)
def test_what_cannot_be_written_is_explained(tmp_path: Path, path: str, file_format: str | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        write_embedding(sample(), tmp_path / path, file_format=file_format)
    assert not list(tmp_path.iterdir())


def test_a_format_without_room_for_sdxl_says_which_have(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"'a1111' is for embeddings of one text encoder, and this one has vectors of width 768 \+ 1280 .*sdxl",
    ):
        write_embedding(sdxl_sample(), tmp_path / "x.pt", file_format="a1111")


def test_convert(tmp_path: Path) -> None:
    embedding = sample(name="cat", step=5)
    write_embedding(embedding, tmp_path / "cat.pt")
    assert convert(tmp_path / "cat.pt", tmp_path / "cat.png") == [tmp_path / "cat.png"]
    convert(tmp_path / "cat.png", tmp_path / "cat.bin", "a1111")
    assert about(read_embedding(tmp_path / "cat.bin")) == about(embedding)
    with pytest.raises(InputError, match="There is no file"):
        convert(tmp_path / "dog.pt", tmp_path / "dog.png")

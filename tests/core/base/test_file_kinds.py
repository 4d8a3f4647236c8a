"""Messages name what a file is."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from textual_inversion.core.base.errors import FileFormatError, InputError
from textual_inversion.core.base.file_kinds import HEAD, kind_of, kind_of_file, placeholder_text
from textual_inversion.core.base.text_files import read_text
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.pictures.open import open_picture, peek_picture
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.hosts.standalone.checkpoint.checkpoint import read_checkpoint

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 3819\n"
LOGIN = b"\n<!DOCTYPE html><html><head><title>Sign\n in</title></head></html>"
ANSWER = b'{"error":"Unauthorized","message":"The creator of this asset requires you to be logged in to download it"}'
DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def _zip(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return data.getvalue()


def _tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.png"), io.BytesIO(b""))
    return data.getvalue()


KINDS = (
    (POINTER, f"a Git LFS pointer, {len(POINTER)} bytes: download the file itself"),
    (b"../.git/annex/objects/8x/MD5E-s3819--a.pt/a.pt\n", "a git-annex pointer, 47 bytes"),
    (LOGIN, "a web page ('Sign in'): the download brought that in place of the file"),
    (b"<HTML><body>404</body></HTML>", "a web page: the download"),
    (b"\xef\xbb\xbf<html>", "a web page"),
    ("<html>".encode("utf-16"), "a web page"),
    (ANSWER, "a message of the server: 'The creator of this asset requires you to be logged in to download it'"),
    (b'{"error": "Not Found"}', "a message of the server: 'Not Found'"),
    (DENIED, "a message of the server: 'Request has expired'"),
    (b'{"data":{"x": 1}}', "JSON text"),
    (b'<svg xmlns="x"/>', "an SVG drawing"),
    (b"[InternetShortcut]\nURL=x", "a shortcut"),
    (b"Entry not found\n", "a text ('Entry not found')"),
    (b"%PDF-1.7", "a PDF document"),
    (_zip("a.png"), "a ZIP archive: unpack it"),
    (_tar(), "a tar archive: unpack it"),
    (b"Rar!\x1a\x07\x01\0", "a RAR archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"\x1f\x8b\x08\0", "a gzip archive: unpack it"),
    (HEIC, "a HEIC picture"),
    (b"\0\0\0\x20ftypisom", "a video"),
    (b"\0" * 100, "nothing but zero bytes"),
    (b"", "empty"),
    (b"GGUF\3\0\0\0", "a GGUF model"),
    (b"\0\x05\x16\x07\0\2", "what macOS keeps beside a file"),
)


@pytest.mark.parametrize(("content", "words"), KINDS)
def test_kinds(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)
    assert (kind_of_file(tmp_path / "x") or "").startswith(words)


@pytest.mark.parametrize("content", [b"\x80\x02}q\0.", b"\x93\x01\xfe", b"\x08\x07\x12\x07pytorch\x1a"])
def test_what_is_not_known_is_not_guessed(content: bytes) -> None:
    assert kind_of(content, size=len(content)) is None


def test_a_text_cut_within_a_letter() -> None:
    assert (kind_of(("a" + "é" * HEAD).encode()[:HEAD], size=9999) or "").startswith("a text ('aéé")


@pytest.mark.parametrize("ending", [".pt", ".bin", ".safetensors", ".png"])
@pytest.mark.parametrize(("content", "words"), [each for each in KINDS if "tar" not in each[1] and each[0]])
def test_what_was_downloaded_is_no_embedding(tmp_path: Path, ending: str, content: bytes, words: str) -> None:
    file = tmp_path / f"x{ending}"
    file.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        read_embedding(file)
    words = "a ZIP archive (a.png) and not one that torch wrote" if "ZIP" in words else words
    assert caught.value.message.startswith(f"{file}: it is {words}")


@pytest.mark.parametrize(("content", "words"), [each for each in KINDS if each[0] and "HEIC" not in each[1]])
def test_nor_a_picture(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(content)
    for read in (open_picture, peek_picture):
        with pytest.raises(InputError) as caught:
            read(file)
        assert f"cannot be read as a picture: it is {words}" in caught.value.message


def test_heic_without_its_plugin_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.jpg"
    file.write_bytes(HEIC)
    monkeypatch.setattr("textual_inversion.core.pictures.open._formats", lambda: ["PNG", "JPEG"])
    with pytest.raises(InputError, match=r"a HEIC picture, which needs pillow-heif \(pip install pillow-heif\)"):
        open_picture(file)


@pytest.mark.parametrize("ending", [".ckpt", ".safetensors"])
@pytest.mark.parametrize("content", [POINTER, LOGIN, ANSWER, b"\0" * 100, b""])
def test_nor_a_checkpoint(tmp_path: Path, ending: str, content: bytes) -> None:
    file = tmp_path / f"x{ending}"
    file.write_bytes(content)
    words = next(words for each, words in KINDS if each == content)
    with pytest.raises(FileFormatError) as caught:
        read_checkpoint(file)
    assert caught.value.message.startswith(f"{file.name} cannot be read as a model: it is {words}")


def test_real_checkpoints_pass(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(2)}}, tmp_path / "new.ckpt")
    torch.save({"a": torch.zeros(2)}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    assert (
        set(read_checkpoint(tmp_path / "new.ckpt").tensors)
        == set(read_checkpoint(tmp_path / "old.ckpt").tensors)
        == {"a"}
    )


@pytest.mark.parametrize("content", [POINTER, LOGIN, ANSWER, DENIED])
def test_nor_a_caption_or_template(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.txt is a (Git LFS pointer|web page|message of the server)"):
        read_text(file)


def test_nor_settings(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(LOGIN)
    with pytest.raises(InputError, match="it is a web page"):
        TrainConfig.from_file(tmp_path / "run.json")


@given(st.text(max_size=80).filter(lambda text: "<" not in text and "{" not in text and "version" not in text.lower()))
def test_ordinary_texts_are_texts(text: str) -> None:
    assert placeholder_text(text.encode(), size=len(text.encode())) is None or "[" in text or "/annex/" in text


def test_json_captions_stay_captions(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text(json.dumps({"caption": "a cat"}))
    assert read_text(tmp_path / "x.txt") == '{"caption": "a cat"}'


def test_a_picture_for_the_plugin_that_is_there(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / "x.heic")
    assert open_picture(tmp_path / "x.heic").rgb.size == (64, 64)

"""Embeddings in pictures: both carriers, other encoders' chunks, and pictures that mean harm."""

from __future__ import annotations

import base64
import io
import json
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from format_samples import GOLDEN, about, same_vectors, sample, sdxl_sample
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.formats import read_embedding, write_embedding
from textual_inversion.core.formats.containers import pixels, png_chunks
from textual_inversion.core.formats.containers.pixels import decode_pixels, encode_pixels

ABOUT = {"name": "cat", "step": 60, "checkpoint_hash": "0123456789", "checkpoint_name": "base"}


def _written(tmp_path: Path, embedding: object = None, name: str = "cat.png", **options: object) -> Path:
    path = tmp_path / name
    write_embedding(embedding or sample(**ABOUT), path, **options)  # type: ignore[arg-type]
    return path


def _resaved(path: Path, **options: object) -> Path:
    """The picture alone, as an image program would save it again."""
    with Image.open(path) as image:
        bare = Image.fromarray(np.asarray(image.convert("RGB")))
    bare.save(path, **options)  # type: ignore[arg-type]
    return path


def _slow_payload(picture: Image.Image) -> bytes:
    """A decoder written from the format's description alone, value by value, to check the fast one against."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    lit = (pixels > 0).all(axis=2)
    pixels = pixels[_extent(lit.any(axis=1)), :][:, _extent(lit.any(axis=0))]
    nibbles = pixels % 16
    black = [x for x in range(nibbles.shape[1]) if nibbles[:, x].sum() == 0]
    low, high = nibbles[:, : black[0]].flatten(), nibbles[:, black[-1] + 1 :].flatten()
    state, data = 0, bytearray()
    for a, b in zip(low, high, strict=True):
        state = (1664525 * state + 1013904223) % 2**32
        key = state % 255 & 15
        data.append((int(b) ^ key) * 16 + (int(a) ^ key))
    return zlib.decompressobj().decompress(bytes(data))


def _extent(flags: np.ndarray) -> slice:
    places = np.flatnonzero(flags)
    return slice(places[0], places[-1] + 1)


def test_the_pixels_alone(tmp_path: Path) -> None:
    path = _resaved(_written(tmp_path))
    assert b"sd-ti-embedding" not in path.read_bytes()
    found = read_embedding(path)
    assert same_vectors(sample(**ABOUT), found)
    assert about(found) == about(sample(**ABOUT))


def test_the_pixels_read_by_an_independent_decoder(tmp_path: Path) -> None:
    path = _written(tmp_path)
    with Image.open(path) as image:
        root = json.loads(_slow_payload(image))
    assert (root["name"], root["step"], root["string_to_token"]) == ("cat", 60, {"*": 265})
    stored = torch.tensor(root["string_to_param"]["*"]["TORCHTENSOR"], dtype=torch.float64)
    assert torch.equal(stored.float(), sample(**ABOUT).vectors["*"])


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden files are absent")
def test_the_web_uis_own_picture_read_by_both_decoders() -> None:
    with Image.open(GOLDEN / "pixels-only-8v.png") as image:
        payload = _slow_payload(image)
        assert decode_pixels(image) == payload
    assert json.loads(payload)["name"] == "pixels only"


def test_both_copies_are_the_same(tmp_path: Path) -> None:
    with Image.open(_written(tmp_path)) as image:
        assert base64.b64decode(image.text["sd-ti-embedding"]) == decode_pixels(image)


def test_the_noise_is_the_web_uis() -> None:
    """Its first values, modulo 255: 253, 242, 127, 44, 157, 27."""
    block = encode_pixels(Image.new("RGB", (1, 2), "white"), b"", first_vector=torch.zeros(3))
    packed = zlib.compress(b"", 9)
    keys = [value & 15 for value in (253, 242, 127, 44, 157, 27)]
    assert [int(v) & 15 for v in np.asarray(block)[0, :2].flatten()] == [packed[i] & 15 ^ keys[i] for i in range(6)]


@settings(max_examples=40, deadline=None)
@given(payload=st.binary(max_size=300), width=st.integers(1, 30), height=st.integers(16, 70), grey=st.integers(0, 255))
def test_any_payload_in_any_picture(payload: bytes, width: int, height: int, grey: int) -> None:
    picture = Image.new("RGB", (width, height), (grey, grey, grey))
    carrier = encode_pixels(picture, payload, first_vector=torch.tensor([0.5, -1.0]))
    assert carrier.height == height
    assert decode_pixels(carrier) == payload


@pytest.mark.parametrize("border", [0, 9])
def test_a_black_border_is_cut_away(tmp_path: Path, border: int) -> None:
    path = _written(tmp_path)
    with Image.open(path) as image:
        framed = Image.new("RGB", (image.width + 2 * border, image.height + 2 * border))
        framed.paste(image, (border, border))
    framed.save(path)
    assert same_vectors(sample(), read_embedding(path))


@pytest.mark.parametrize("mode", ["RGBA", "RGB"])
def test_other_modes(tmp_path: Path, mode: str) -> None:
    path = _written(tmp_path)
    with Image.open(path) as image:
        image.convert(mode).save(tmp_path / "again.png", compress_level=1)
    assert same_vectors(sample(), read_embedding(tmp_path / "again.png"))


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_sdxl_in_a_picture(tmp_path: Path, kind: str) -> None:
    embedding = sdxl_sample(**ABOUT, notes={"partner": "cat-neg"})
    found = read_embedding(_written(tmp_path, embedding, f"xl.{kind}"))
    assert same_vectors(embedding, found)
    assert about(found) == about(embedding)


def test_sdxl_as_the_web_ui_wants_it(tmp_path: Path) -> None:
    """At the top nothing but tensors, and a tensor is whatever holds TORCHTENSOR."""
    with Image.open(_written(tmp_path, sdxl_sample(**ABOUT))) as image:
        root = json.loads(base64.b64decode(image.text["sd-ti-embedding"]))
    assert set(root) == {"clip_l", "clip_g"}
    assert all("TORCHTENSOR" in value for value in root.values())


def test_the_caption_is_laid_over_the_picture(tmp_path: Path) -> None:
    plain = Image.new("RGB", (512, 512), (120, 160, 200))
    path = _written(tmp_path, image=plain)
    with Image.open(path) as image:
        seen = np.asarray(image).astype(int)
    side = (seen.shape[1] - 514) // 2
    picture = seen[:, side + 1 : side + 513]
    assert max(picture[0].mean(), picture[511].mean()) < 20
    assert picture[256].mean() > 100
    top, bottom = picture[10:90], picture[440:505]
    assert (top.min(axis=2) > 200).sum() > 300  # white letters
    thirds = [(bottom[:, start : start + 170].min(axis=2) > 150).sum() for start in (0, 171, 342)]
    assert all(count > 40 for count in thirds)
    assert plain.getpixel((0, 0)) == (120, 160, 200)


@pytest.mark.parametrize("name", ["猫の絵", "🐈" * 40, "x" * 4000, "<cat>", "a\nb"])
def test_no_name_stops_the_caption(tmp_path: Path, name: str) -> None:
    path = _written(tmp_path, sample(name=name), image=Image.new("L", (64, 64)))
    assert read_embedding(path).name == name


def test_fonts_without_freetype(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import ImageFont

    plain = ImageFont.load_default_imagefont() if hasattr(ImageFont, "load_default_imagefont") else None
    if plain is None:
        pytest.skip("this Pillow has no bitmap font")

    def load_default(*size: float) -> object:
        if size:
            raise ImportError("no FreeType")
        return plain

    monkeypatch.setattr(ImageFont, "load_default", load_default)
    assert read_embedding(_written(tmp_path, sample(name="猫"))).name == "猫"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(*chunks: bytes, size: tuple[int, int] = (8, 8)) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    rows = zlib.compress((b"\0" + b"\x55" * 24) * 8)
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _b64(value: object) -> bytes:
    return base64.b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def _webui(tensor: object) -> dict[str, object]:
    return {"string_to_param": {"*": {"TORCHTENSOR": tensor}}, "name": "cat", "step": 2}


def _text(value: object) -> bytes:
    return _chunk(b"tEXt", b"sd-ti-embedding\0" + _b64(value))


GOOD = _webui([[1.5, 2.0]])


@pytest.mark.parametrize(
    "chunk",
    [
        _text(GOOD),
        _chunk(b"zTXt", b"sd-ti-embedding\0\0" + zlib.compress(_b64(GOOD))),
        _chunk(b"iTXt", b"sd-ti-embedding\0\0\0en\0\0" + _b64(GOOD)),
        _chunk(b"iTXt", b"sd-ti-embedding\0\1\0\0\0" + zlib.compress(_b64(GOOD))),
    ],
)
def test_every_kind_of_text_chunk(tmp_path: Path, chunk: bytes) -> None:
    (tmp_path / "x.png").write_bytes(_png(chunk))
    found = read_embedding(tmp_path / "x.png")
    assert (found.name, found.step, found.vectors["*"].tolist()) == ("cat", 2, [[1.5, 2.0]])


def test_a_broken_chunk_falls_back_to_the_pixels(tmp_path: Path) -> None:
    path = _written(tmp_path)
    data = path.read_bytes()
    start = data.index(b"sd-ti-embedding") + 16
    path.write_bytes(data[:start] + b"????" + data[start + 4 :])
    assert same_vectors(sample(), read_embedding(path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_png(_text(b"{not json")), "is broken"),
        (_png(_text(b"[" * 5000)), "is broken"),
        (_png(_text(b'{"a":' * 5000)), "is broken"),
        (_png(_text(b"[" * 100_000)), "more than any embedding needs"),
        (_png(_text(b"[" + b"0," * 3_000_000 + b"0]")), "more than any embedding needs"),
        (_png(_text([1, 2, 3])), "no embedding"),
        (_png(_text({"name": "cat"})), "0 tensors"),
        (_png(_text({"string_to_param": {"*": [[1.0]]}})), "no tensor"),
        (_png(_text({"string_to_param": [1]})), "no dictionary"),
        (_png(_text({"string_to_param": {}})), "0 embeddings"),
        (_png(_text(_webui([[1.0, 2.0], [1.0]]))), "is broken"),
        (_png(_text(_webui([["a", "b"]]))), "is broken"),
        (_png(_text(_webui([[None]]))), "is broken|NaN"),
        (_png(_text(_webui({"x": 1}))), "is broken"),
        (_png(_text(_webui([[10**400]]))), "is broken"),
        (_png(_text(_webui(1.0))), r"shape \[\]"),
        (_png(_text(_webui([[]]))), r"shape \[1, 0\]"),
        (_png(_text(_webui([[float("nan")]]))), "NaN or infinity"),
        (_png(_text(_webui([[1e39]]))), "NaN or infinity"),
        (_png(_chunk(b"tEXt", b"sd-ti-embedding\0!!!!!")), "is broken"),
        (_png(_chunk(b"zTXt", b"sd-ti-embedding\0\0xx")), "cannot be inflated"),
        (_png(_chunk(b"zTXt", b"sd-ti-embedding\0\0" + zlib.compress(bytes(10))[:-6])), "inflates to more|cut off"),
        (_png(size=(50_000, 50_000)), "50000 x 50000 pixels"),
        (_png(size=(2**31, 2**31)), "pixels are looked into"),
        (_png(size=(0, 8)), "0 x 8 pixels"),
        (_png(size=(8, 9)), "cannot be opened|without an embedding"),
        (_png(), "without an embedding"),
        (_png()[:20], "no header"),
        (_png()[:50], "cannot be opened"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 100, "no header"),
        (b"\xff\xd8\xff\xe0" + bytes(600), "a JPEG picture"),
        (b"GIF89a" + bytes(600), "a GIF picture"),
        (b"\0\0\0\x20ftypavif" + bytes(600), "AVIF"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(600), "without an embedding"),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(4) + b"\0\0\0\0" + b"\xff" * 6 + bytes(600), "16777216 x 16777216 pixels"),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(4) + b"\2\0\0\0" + b"\1" * 6 + bytes(600), "animated"),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f\xff\xff\xff\x0f" + bytes(600), "16384 x 16384 pixels"),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + bytes(600), "cannot be opened"),
        (b"RIFF\0\0\0\0WEBP", "cut off"),
    ],
)
def test_hostile_and_broken_pictures(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=words) as caught:
        read_embedding(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("start", [b"zTXtsd-ti-embedding\0\0", b"iTXtsd-ti-embedding\0\1\0\0\0"])
def test_texts_that_inflate_without_end(tmp_path: Path, start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_chunks, "MAX_JSON_BYTES", 300_000)
    chunk = _chunk(start[:4], start[4:] + zlib.compress(bytes(30_000_000)))
    (tmp_path / "x.png").write_bytes(_png(chunk))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="inflates to more than 400000 bytes"):
            read_embedding(tmp_path / "x.png")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_pixels_that_inflate_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "MAX_JSON_BYTES", 300_000)
    bomb = encode_pixels(Image.new("RGB", (8, 64)), bytes(30_000_000), first_vector=torch.ones(2))
    bomb.save(tmp_path / "x.png")
    with pytest.raises(FileFormatError, match="without an embedding"):
        read_embedding(tmp_path / "x.png")


def test_text_that_is_not_ours_is_not_even_inflated(tmp_path: Path) -> None:
    """Pillow gives up on pictures with such a text; ours is read past it."""
    path = _written(tmp_path)
    data = path.read_bytes()
    bomb = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(30_000_000)))
    path.write_bytes(data[:33] + bomb + data[33:].replace(b"sd-ti-embedding", b"sd-ti-embeddinX"))
    assert same_vectors(sample(), read_embedding(path))


def test_lossy_saving_is_recognised_as_a_loss(tmp_path: Path) -> None:
    path = _written(tmp_path)
    data = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(data, "WEBP", quality=80)
    path.write_bytes(data.getvalue())
    with pytest.raises(FileFormatError, match="saved with loss"):
        read_embedding(path)

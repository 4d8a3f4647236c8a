import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.pictures.open import open_picture

RED, BLUE = (255, 0, 0), (0, 0, 255)


def two_halves(mode: str) -> Image.Image:
    """Left half red, right half blue, 6 x 4."""
    image = Image.new("RGB", (6, 4), RED)
    image.paste(BLUE, (3, 0, 6, 4))
    return image.convert(mode)


def opened(path, image: Image.Image, **options):
    image.save(path, **options)
    return open_picture(path)


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "CMYK"])
def test_colours_survive(tmp_path, mode):
    picture = opened(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), two_halves(mode))
    assert (picture.rgb.mode, picture.rgb.size, picture.alpha) == ("RGB", (6, 4), None)
    left, right = picture.rgb.getpixel((1, 1)), picture.rgb.getpixel((4, 1))
    assert np.abs(np.subtract(left, RED)).max() < 3
    assert np.abs(np.subtract(right, BLUE)).max() < 3


def test_lab(tmp_path):
    lab = Image.merge("LAB", [Image.new("L", (6, 4), value) for value in (255, 128, 128)])
    assert min(opened(tmp_path / "a.tif", lab).rgb.getpixel((0, 0))) > 250


@pytest.mark.parametrize(("mode", "white"), [("1", 1), ("L", 255), ("I;16", 65535), ("I", 65535), ("F", 1.0), ("F", 255.0), ("F", 9e9)])  # fmt: skip
def test_greys_of_every_depth_are_scaled_and_not_clipped(tmp_path, mode, white):
    image = Image.new(mode, (2, 2), white)
    image.putpixel((0, 0), 0)
    picture = opened(tmp_path / ("a.tif" if mode in "IF" else "a.png"), image)
    assert (picture.rgb.getpixel((0, 0)), picture.rgb.getpixel((1, 1))) == ((0, 0, 0), (255, 255, 255))


def test_sixteen_bits_keep_their_middle(tmp_path):
    image = Image.fromarray(np.array([[0, 32768], [65535, 257]], dtype=np.uint16))
    assert np.asarray(opened(tmp_path / "a.png", image).rgb)[..., 0].tolist() == [[0, 128], [255, 1]]


def test_floats_that_are_no_numbers_are_black(tmp_path):
    image = Image.fromarray(np.array([[np.nan, np.inf], [-1.0, 1.0]], dtype=np.float32))
    assert np.asarray(opened(tmp_path / "a.tif", image).rgb)[..., 0].tolist() == [[0, 0], [0, 255]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_comes_apart_and_the_colours_beneath_stay(tmp_path, mode):
    image = two_halves("RGBA" if mode == "PA" else mode.replace("A", "") + "A")
    image.putalpha(Image.linear_gradient("L").resize((6, 4)))
    if mode == "PA":
        image = image.convert("PA")
    picture = opened(tmp_path / ("a.tif" if mode == "PA" else "a.png"), image)
    assert picture.alpha is not None
    assert (picture.alpha.mode, picture.alpha.getpixel((0, 0)) < 50 < picture.alpha.getpixel((0, 3))) == ("L", True)
    if mode == "RGBA":
        assert picture.rgb.getpixel((1, 0)) == RED


def test_transparent_palette_and_colour_key(tmp_path):
    palette = two_halves("P")
    picture = opened(tmp_path / "a.gif", palette, transparency=palette.getpixel((0, 0)))
    assert (picture.alpha.getpixel((0, 0)), picture.alpha.getpixel((5, 0))) == (0, 255)
    picture = opened(tmp_path / "b.png", two_halves("RGB"), transparency=BLUE)
    assert (picture.alpha.getpixel((0, 0)), picture.alpha.getpixel((5, 0))) == (255, 0)


def test_an_opaque_alpha_channel_is_none(tmp_path):
    assert opened(tmp_path / "a.png", two_halves("RGBA")).alpha is None


def test_exif_turns_picture_and_alpha(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = two_halves("RGBA")
    image.putpixel((0, 3), (*RED, 0))
    picture = opened(tmp_path / "a.png", image, exif=exif)
    assert (picture.rgb.size, picture.alpha.size) == ((4, 6), (4, 6))
    assert picture.rgb.getpixel((0, 0)) == RED
    assert picture.alpha.getpixel((0, 0)) == 0


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_of_an_animation_the_first_frame(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    picture = opened(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:])
    assert np.abs(np.subtract(picture.rgb.getpixel((0, 0)), RED)).max() < 5


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty. Put a PNG or JPEG picture in its place, or take it out"),
        (b"<html>not found</html>", "it is a web page: the download brought that in place of the file"),
        (b"\1\2\3", "no known picture format. Convert it to PNG or JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "it is a PostScript document"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + b"\0" * 40, "bad.png cannot be read as a picture"),
        (png_header(9000, 9000), "has 9000 x 9000 pixels; at most 80 million are read"),
        (png_header(2**30, 2**30), "far too many pixels"),
        (png_header(4, 4), "cannot be read as a picture"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50, "cannot be read as a picture"),
        (b"GIF89a\x04\x00\x04\x00\x00\x00\x00,", "cannot be read as a picture"),
    ],
)
def test_broken_and_hostile_files_are_named(tmp_path, content, words):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        open_picture(path)
    assert "bad.png" in caught.value.message
    assert caught.value.field == "data"


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "bmp"])
def test_a_file_cut_short_anywhere_is_a_sentence(tmp_path, suffix, monkeypatch):
    # Hosts may have switched this on for themselves; here a cut file must not pass.
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", False)
    path = tmp_path / f"a.{suffix}"
    Image.effect_noise((40, 30), 90).convert("RGB").save(path)
    content = path.read_bytes()
    for length in range(0, len(content) * 9 // 10, max(1, len(content) // 40)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="cannot be read as a picture"):
            open_picture(path)


def test_a_picture_without_width_is_a_damaged_one(tmp_path):
    (tmp_path / "a.png").write_bytes(png_header(0, 64))
    with pytest.raises(InputError, match=r"it is a damaged one \(PNG picture\)\. Save it anew"):
        open_picture(tmp_path / "a.png")

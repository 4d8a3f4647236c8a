"""A made folder of what people really have: photos and drawings of every kind, and files that are none.

``make_folder(folder, count=500)`` fills it; each file's true outcome is in what it returns. By hand:
``python tests/mixed_files.py FOLDER 500``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

LARGE, USUAL, TINY = (2400, 1800), (700, 560), (40, 30)
NAMES = ("photo", "Bäume", "рисунок", "猫の写真", "صورة", "IMG 0042", "a man in suit", "50% <b>&")


def scene(size: tuple[int, int], seed: int, *, mode: str = "RGB") -> Image.Image:
    """Smooth random colours with a few shapes: no two seeds look alike."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).convert(mode)


def _jpeg(path: Path, seed: int) -> None:
    scene(USUAL, seed).save(path.with_suffix(".jpg"), quality=90)


def _large(path: Path, seed: int) -> None:
    scene(LARGE, seed).save(path.with_suffix(".jpg"), quality=85)


def _tiny(path: Path, seed: int) -> None:
    scene(TINY, seed).save(path.with_suffix(".png"))


def _rotated(path: Path, seed: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    scene((400, 300), seed).save(path.with_suffix(".jpg"), exif=exif)


def _grey(path: Path, seed: int) -> None:
    scene(USUAL, seed, mode="L").save(path.with_suffix(".png"))


def _deep(path: Path, seed: int) -> None:
    values = np.asarray(scene((300, 300), seed, mode="L"), dtype=np.uint16) * 257
    Image.fromarray(values).save(path.with_suffix(".png"))


def _alpha(path: Path, seed: int) -> None:
    image = scene((320, 400), seed)
    image.putalpha(scene((320, 400), seed + 1, mode="L"))
    image.save(path.with_suffix(".png"))


def _cmyk(path: Path, seed: int) -> None:
    scene((350, 300), seed, mode="CMYK").save(path.with_suffix(".jpg"))


def _animated(path: Path, seed: int) -> None:
    frames = [scene((200, 150), seed + step) for step in range(3)]
    frames[0].save(path.with_suffix(".gif"), save_all=True, append_images=frames[1:])


def _webp(path: Path, seed: int) -> None:
    scene((500, 900), seed).save(path.with_suffix(".webp"))


def _truncated(path: Path, seed: int) -> None:
    _jpeg(path, seed)
    file = path.with_suffix(".jpg")
    file.write_bytes(file.read_bytes()[:1500])


def _empty(path: Path, _seed: int) -> None:
    path.with_suffix(".png").write_bytes(b"")


def _no_picture(path: Path, _seed: int) -> None:
    path.with_suffix(".png").write_text("this is a text\n" * 50, encoding="utf-8")


def _document(path: Path, _seed: int) -> None:
    path.with_suffix(".pdf").write_bytes(b"%PDF-1.4 nothing")


def _lonely_text(path: Path, _seed: int) -> None:
    path.with_suffix(".txt").write_text("a caption of nothing", encoding="utf-8")


KINDS: tuple[tuple[Callable[[Path, int], None], str], ...] = (
    (_jpeg, "made"),
    (_large, "made"),
    (_tiny, "made"),
    (_rotated, "made"),
    (_grey, "made"),
    (_deep, "made"),
    (_alpha, "made"),
    (_cmyk, "made"),
    (_animated, "made"),
    (_webp, "made"),
    (_truncated, "unreadable"),
    (_empty, "unreadable"),
    (_no_picture, "unreadable"),
    (_document, "left out"),
    (_lonely_text, "left out"),
)


def make_folder(folder: Path, count: int = len(KINDS)) -> dict[str, str]:
    """Write ``count`` files; returns the true outcome of each by name. Every fifth picture has a caption beside it, which
    counts as one more file."""
    folder.mkdir(parents=True, exist_ok=True)
    truth: dict[str, str] = {}
    for number in range(count):
        make, outcome = KINDS[number % len(KINDS)]
        before = set(folder.iterdir())
        path = folder / f"{NAMES[number % len(NAMES)]} {number}.x"
        make(path, 10 * number)
        (made,) = set(folder.iterdir()) - before
        truth[made.name] = outcome
        if number % 5 == 0 and outcome == "made":
            made.with_suffix(".txt").write_text(f"caption {number}, with <b>tags</b>", encoding="utf-8")
            truth[made.with_suffix(".txt").name] = "companion"
    return truth


if __name__ == "__main__":
    print(len(make_folder(Path(sys.argv[1]), int(sys.argv[2]))), "files")

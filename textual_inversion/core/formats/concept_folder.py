"""A folder as in the SD concepts library: ``learned_embeds.bin``, ``token_identifier.txt``, a README, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..base.errors import FileFormatError
from ..base.files import atomic_write, write_text
from .containers.limits import MAX_TEXT
from .sdxl_two_files import STEM

TOKEN_FILE = "token_identifier.txt"
PICTURE_FOLDER = "concept_images"

_README = """\
---
tags:
- stable-diffusion
- textual_inversion
---
# {token}

A textual-inversion embedding{checkpoint}: `learned_embeds.{extension}`, {vectors} vector{s}{steps}.
Write `{token}` in a prompt after loading it:

```python
pipeline.load_textual_inversion("path/to/this/folder"{file})
```
"""


def library_file(folder: Path) -> Path:
    """The embedding's file in ``folder``. Raises FileFormatError where there is none."""
    for name in (f"{STEM}.safetensors", f"{STEM}.bin"):
        if (folder / name).is_file():
            return folder / name
    raise FileFormatError(
        f"the folder holds neither {STEM}.bin nor {STEM}.safetensors. Choose the embedding's own file"
    )


def library_token(folder: Path) -> str | None:
    """The token that ``token_identifier.txt`` names, None where there is none."""
    file = folder / TOKEN_FILE
    if not file.is_file():
        return None
    with file.open(encoding="utf-8", errors="replace") as text:
        return text.read(MAX_TEXT).strip() or None


def write_library_texts(
    folder: Path, *, token: str, checkpoint: str | None, extension: str, vectors: int, step: int | None
) -> list[Path]:
    """Write ``token_identifier.txt`` and a README that says how to use the embedding."""
    readme = folder / "README.md"
    write_text(folder / TOKEN_FILE, token)
    write_text(
        readme,
        _README.format(
            token=token,
            checkpoint=f" made with {checkpoint}" if checkpoint else "",
            extension=extension,
            vectors=vectors,
            s="" if vectors == 1 else "s",
            steps="" if step is None else f", trained for {step} steps",
            file="" if extension == "bin" else f', weight_name="{STEM}.{extension}"',
        ),
    )
    return [folder / TOKEN_FILE, readme]


def write_library_pictures(folder: Path, pictures: Sequence[Image.Image]) -> list[Path]:
    """Write ``concept_images/0.jpeg`` and so on, without the metadata that the pictures came with."""
    paths = [folder / PICTURE_FOLDER / f"{index}.jpeg" for index in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        with atomic_write(path) as file:
            picture.convert("RGB").save(file, format="JPEG", quality=95)
    return paths

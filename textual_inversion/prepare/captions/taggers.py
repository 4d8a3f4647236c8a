"""A tagger from a file of one's own: its ending tells which kind it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.base.errors import FileFormatError, InputError
from ...core.base.file_kinds import kind_of_file
from ...core.model.captioning import Tagger

GET_IT = (
    "Download model-resnet_custom_v3.pt from the releases of AUTOMATIC1111/TorchDeepDanbooru on GitHub, or a WD tagger's "
    "model.onnx and selected_tags.csv from SmilingWolf's pages on Hugging Face, and name that file as the tagger file"
)


@contextmanager
def opened_tagger(path: Path, *, device: str | None = None) -> Iterator[Tagger]:
    """The model in memory while the block runs. Raises InputError where the file is missing or of another kind."""
    if not path.is_file():
        raise InputError(f"There is no tagger at {path}. {GET_IT}.", field="tagger_file")
    if (kind := kind_of_file(path)) is not None and not kind.startswith(
        ("a ZIP", "a text")
    ):  # torch's are ZIP archives
        raise FileFormatError(f"{path} cannot be read as a tagger: it is {kind}.", field="tagger_file")
    if path.suffix.lower() == ".onnx":
        from .wd_tagger import load_wd_tagger

        yield load_wd_tagger(path)
        return
    import torch

    from .deepdanbooru import load_deepdanbooru

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    yield load_deepdanbooru(path, place)
    if place.type == "cuda":
        torch.cuda.empty_cache()

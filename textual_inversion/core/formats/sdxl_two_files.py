"""diffusers' pair for SDXL: ``learned_embeds.safetensors`` (CLIP-L) and ``learned_embeds_2.safetensors`` (CLIP-G)."""

from __future__ import annotations

from pathlib import Path

from ..base.errors import FileFormatError
from ..embedding.embedding import ANY_ENCODER, Embedding
from .layouts import CLIP_G, CLIP_L, SDXL_WIDTHS

STEM = "learned_embeds"


def second_of(first: Path) -> Path:
    """Name the file of the CLIP-G half of ``first`` (``learned_embeds-steps-500`` -> ``learned_embeds_2-steps-500``)."""
    stem = first.stem
    if stem.startswith(STEM):
        return first.with_name(f"{STEM}_2{stem[len(STEM) :]}{first.suffix}")
    return first.with_name(f"{stem}_2{first.suffix}")


def other_half(path: Path, embedding: Embedding) -> Path | None:
    """The file that should complete ``embedding``, which was read from ``path``; None where it can stand alone.

    Raises FileFormatError where ``embedding`` is the CLIP-G half and its first half is not there.
    """
    vectors = embedding.vectors.get(ANY_ENCODER)
    if embedding.file_format != "diffusers" or vectors is None:
        return None
    if vectors.shape[1] == SDXL_WIDTHS[CLIP_L]:
        return second if (second := second_of(path)).is_file() else None
    if vectors.shape[1] != SDXL_WIDTHS[CLIP_G] or "_2" not in path.stem:
        return None
    before, _, after = path.stem.rpartition("_2")
    first = path.with_name(f"{before}{after}{path.suffix}")
    if first.is_file():
        return first
    raise FileFormatError(f"it is the second half (CLIP-G) of an SDXL embedding; the first, {first.name}, is missing")


def joined(one: Embedding, other: Embedding) -> Embedding | None:
    """Both halves as one embedding, None where they do not belong together (other token, count or widths)."""
    halves = {half.vectors[ANY_ENCODER].shape[1]: half for half in (one, other) if ANY_ENCODER in half.vectors}
    if set(halves) != set(SDXL_WIDTHS.values()) or one.name != other.name or one.count != other.count:
        return None
    first, second = halves[SDXL_WIDTHS[CLIP_L]], halves[SDXL_WIDTHS[CLIP_G]]
    return Embedding(
        vectors={CLIP_L: first.vectors[ANY_ENCODER], CLIP_G: second.vectors[ANY_ENCODER]},
        name=first.name,
        step=first.step,
        checkpoint_hash=first.checkpoint_hash,
        checkpoint_name=first.checkpoint_name,
        notes=first.notes,
        file_format="diffusers",
    )

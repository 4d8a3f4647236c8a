"""Under which keys the vectors lie, whatever container holds them, and what is not an embedding although it looks so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

import torch

from ..base.errors import FileFormatError
from ..embedding.embedding import ANY_ENCODER, Embedding, Vectors
from .containers.checked_vectors import StoredTensor, load_vectors
from .containers.pickle_machine import Instance
from .containers.torch_tensors import PARAMETER_DICT, TorchTensor, parameters_of
from .notes import About, about_from, kept_text

CLIP_L, CLIP_G = "clip_l", "clip_g"
SDXL_WIDTHS = {CLIP_L: 768, CLIP_G: 1280}

KOHYA_KEY = "emb_params"
ONETRAINER_KEY = "emp_params"

_PIVOTAL = ("text_encoders_0", "text_encoders_1")
"""The encoders in diffusers' advanced (pivotal tuning) scripts, in ``*_emb.safetensors`` and ``embeddings.pti``."""

_LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "sdxl": {CLIP_L: CLIP_L, CLIP_G: CLIP_G},
    "pivotal": dict(zip(_PIVOTAL, (CLIP_L, CLIP_G), strict=True)),
    "kohya": {KOHYA_KEY: ANY_ENCODER},
    "onetrainer": {ONETRAINER_KEY: ANY_ENCODER},
}
"""By format: the tensors of a flat dictionary and the encoder that each is for. Any other single key is diffusers' token."""

_OTHER_ENCODERS = frozenset({"t5xxl", "t5", "t5_xxl", "t5-xxl", "text_encoders_2", "gemma", "llama", "qwen"})
_T5_WIDTH = 4096

_XTI_LAYERS = {"MID", *(f"IN{n:02}" for n in (1, 2, 4, 5, 7, 8)), *(f"OUT{n:02}" for n in range(3, 12))}
_BUNDLE = "bundle_emb."
_LORA_MARKS = ("lora_", ".lora", "hada_", "lokr_", "oft_")


def from_webui_dict(root: Mapping[object, object], *, about: About | None = None) -> Embedding:
    """The dictionary with ``string_to_param``: A1111, its twins (ai-toolkit, HCP, DreamArtist), and original LDM."""
    raw = root["string_to_param"]
    is_ldm = isinstance(raw, Instance) and str(raw.kind) == PARAMETER_DICT
    key, stored = _only_entry(parameters_of(raw))
    found = about or about_from({key: value for key, value in root.items() if isinstance(key, str)})
    vectors = by_encoder(load_vectors(stored, what=f"its tensor {key[:80]!r}"))
    name = found.name if found.name is not None or key == ANY_ENCODER else key
    form = "ldm" if is_ldm else "a1111" if len(vectors) == 1 else "hcp"
    return make(vectors, found, name=name, file_format=form)


def from_tensors(tensors: Mapping[str, StoredTensor], about: About) -> Embedding:
    """A flat dictionary of tensors, from ``.pt``, ``.bin`` or ``.safetensors``. Raises FileFormatError with a sentence."""
    _refuse_other_kinds(tensors)
    ours = {key: stored for key, stored in tensors.items() if not _is_of_other_encoder(key, stored)}
    remarks = tuple(_left_out(key, tensors[key], ours) for key in tensors if key not in ours)
    for file_format, keys in _LAYOUTS.items():
        if ours and set(ours) <= set(keys):
            found = {keys[key]: load_vectors(ours[key], what=f"its tensor {key!r}") for key in keys if key in ours}
            if set(found) == {CLIP_L} and file_format == "pivotal":  # SD 1.x has the first encoder alone
                found = {ANY_ENCODER: found[CLIP_L]}
            vectors = by_encoder(found[ANY_ENCODER]) if ANY_ENCODER in found else found
            return replace(make(vectors, about, file_format=file_format), remarks=remarks)
    if len(ours) != 1:
        raise FileFormatError(
            f"it holds {len(tensors)} tensors ({_listed(tensors)}); an embedding holds one, or clip_l and clip_g"
        )
    key, stored = next(iter(ours.items()))
    vectors = load_vectors(stored, what=f"its tensor {key[:80]!r}")
    return replace(make(by_encoder(vectors), about, name=key, file_format="diffusers"), remarks=remarks)


def _is_of_other_encoder(key: str, stored: StoredTensor) -> bool:
    """A text encoder that no SD 1.x, SD 2.x or SDXL model has, as T5 of SD 3 and Flux."""
    return key.lower() in _OTHER_ENCODERS or (key == _PIVOTAL[1] and tuple(stored.shape)[-1:] == (_T5_WIDTH,))


def _left_out(key: str, stored: StoredTensor, ours: Mapping[str, StoredTensor]) -> str:
    shape = " x ".join(map(str, tuple(stored.shape)[:4]))
    kept = _listed(ours) or "nothing"
    return f"Left out: the vectors of {key[:40]} ({shape}), a text encoder that SD 1.x, 2.x and SDXL do not have; kept: {kept}."


def by_encoder(vectors: torch.Tensor) -> Vectors:
    """[n, 2048] is HCP's SDXL form: columns 0-767 are CLIP-L's, the rest CLIP-G's; anything else names no encoder."""
    width = SDXL_WIDTHS[CLIP_L]
    if vectors.shape[1] != sum(SDXL_WIDTHS.values()):
        return {ANY_ENCODER: vectors}
    return {CLIP_L: vectors[:, :width].clone(), CLIP_G: vectors[:, width:].clone()}


def make(vectors: Vectors, about: About, *, file_format: str, name: str | None = None) -> Embedding:
    """An Embedding of vectors [vectors, width] and what the file says; ``name`` wins over the one in ``about``."""
    return Embedding(
        vectors=vectors,
        name=about.name if name is None else kept_text(name),
        step=about.step,
        checkpoint_hash=about.checkpoint_hash,
        checkpoint_name=about.checkpoint_name,
        notes=dict(about.notes),
        file_format=file_format,
    )


def tensors_in(root: Mapping[object, object]) -> dict[str, StoredTensor]:
    """The entries of a torch dictionary that are tensors."""
    return {str(key): value for key, value in root.items() if isinstance(value, TorchTensor)}


def _only_entry(params: object) -> tuple[str, StoredTensor]:
    if not isinstance(params, Mapping):
        raise FileFormatError("its string_to_param is no dictionary")
    entries = {str(k): v for k, v in cast("Mapping[object, object]", params).items() if v is not None}
    if len(entries) != 1:
        raise FileFormatError(
            f"it holds {len(entries)} embeddings ({_listed(entries)}), which web UIs refuse too. Save them one a file"
        )
    key, stored = next(iter(entries.items()))
    if not hasattr(stored, "load"):
        raise FileFormatError(f"its string_to_param holds {key[:80]!r}, which is no tensor")
    return key, cast("StoredTensor", stored)


def _refuse_other_kinds(tensors: Mapping[str, StoredTensor]) -> None:
    outputs = sorted(key for key in tensors if key in {"emp_params_out", "clip_l_out", "clip_g_out"})
    if outputs:
        raise FileFormatError(
            f"it holds OneTrainer's output embedding ({_listed(outputs)}), which is added after the text encoder. "
            'No prompt can use that: train again in OneTrainer with "output embedding" switched off'
        )
    if set(tensors) == _XTI_LAYERS:
        raise FileFormatError(
            "it holds kohya's XTI: 16 embeddings, one for each layer of the U-Net. Only kohya's own generator "
            "can use that; no web UI can"
        )


def unbundled(tensors: Mapping[str, StoredTensor], about: About) -> Embedding | None:
    """The embedding that OneTrainer bundled into a LoRA (``bundle_emb.NAME.KEY``), None where there is none.

    Raises FileFormatError where there are several, or where the file is a LoRA or a model without any.
    """
    bundles: dict[str, dict[str, StoredTensor]] = {}
    for key, stored in tensors.items():
        if key.startswith(_BUNDLE) and key.count(".") >= 2:
            name, inner = key[len(_BUNDLE) :].split(".", 1)
            bundles.setdefault(name, {})[inner.removeprefix("string_to_param.")] = stored
    if len(bundles) > 1:
        raise FileFormatError(
            f"it is a LoRA with {len(bundles)} embeddings in it ({_listed(bundles)}); one can be read"
        )
    if bundles:
        name, inner = next(iter(bundles.items()))
        found = from_tensors(inner, about)
        return replace(make(found.vectors, About(), name=name, file_format="bundle"), remarks=found.remarks)
    if len(tensors) > 2 and any(mark in key for key in tensors for mark in _LORA_MARKS):
        raise FileFormatError(f"it is a LoRA ({len(tensors)} tensors) without an embedding in it")
    if len(tensors) > 32:
        raise FileFormatError(f"it holds {len(tensors)} tensors: a model, not an embedding")
    return None


def _listed(names: Iterable[str]) -> str:
    shown = [name[:40] for name in sorted(names)]
    return ", ".join(shown[:8]) + (" …" if len(shown) > 8 else "")

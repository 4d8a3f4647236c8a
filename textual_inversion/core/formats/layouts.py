"""Under which keys the vectors lie, whatever container holds them, and what is not an embedding although it looks so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    if set(tensors) >= {CLIP_L, CLIP_G}:
        found = {key: load_vectors(tensors[key], what=f"its tensor {key!r}") for key in (CLIP_L, CLIP_G)}
        return make(found, about, file_format="sdxl")
    if len(tensors) != 1:
        raise FileFormatError(
            f"it holds {len(tensors)} tensors ({_listed(tensors)}); an embedding holds one, or clip_l and clip_g"
        )
    key, stored = next(iter(tensors.items()))
    vectors = load_vectors(stored, what=f"its tensor {key[:80]!r}")
    if key in SDXL_WIDTHS:
        return make({key: vectors}, about, file_format="sdxl")
    if key == KOHYA_KEY:
        return make(by_encoder(vectors), about, file_format="kohya")
    if key == ONETRAINER_KEY:
        return make(by_encoder(vectors), about, file_format="onetrainer")
    return make(by_encoder(vectors), about, name=key, file_format="diffusers")


def by_encoder(vectors: torch.Tensor) -> Vectors:
    """[n, 2048] is HCP's SDXL form: columns 0-767 are CLIP-L's, the rest CLIP-G's; anything else names no encoder."""
    width = SDXL_WIDTHS[CLIP_L]
    if vectors.shape[1] != sum(SDXL_WIDTHS.values()):
        return {ANY_ENCODER: vectors}
    return {CLIP_L: vectors[:, :width].clone(), CLIP_G: vectors[:, width:].clone()}


def make(vectors: Vectors, about: About, *, file_format: str, name: str | None = None) -> Embedding:
    """An Embedding of vectors and what the file says; ``name`` wins over the one in ``about``."""
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
        return make(from_tensors(inner, about).vectors, About(), name=name, file_format="bundle")
    if len(tensors) > 2 and any(mark in key for key in tensors for mark in _LORA_MARKS):
        raise FileFormatError(f"it is a LoRA ({len(tensors)} tensors) without an embedding in it")
    if len(tensors) > 32:
        raise FileFormatError(f"it holds {len(tensors)} tensors: a model, not an embedding")
    return None


def _listed(names: Iterable[str]) -> str:
    shown = [name[:40] for name in sorted(names)]
    return ", ".join(shown[:8]) + (" …" if len(shown) > 8 else "")

"""Writing ``.pt`` and ``.bin`` files that every reader takes, whatever torch writes them.

torch 2.7 and newer put ``.format_version`` and ``.storage_alignment`` into the container, and A1111's safe unpickler
refuses any entry that it does not know. So the container is packed again with only those that it does, with fixed
dates and names: the same embedding gives the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile

import torch

from ..embedding.embedding import Embedding
from .layouts import CLIP_G, CLIP_L
from .notes import NAME, about_of

_KNOWN_ENTRY = re.compile(r"[^/]+/(data\.pkl|byteorder|version|data/\d+)")


def torch_bytes(value: dict[str, object]) -> bytes:
    """``torch.save`` of ``value``, repacked."""
    raw, packed = io.BytesIO(), io.BytesIO()
    torch.save(value, raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            if _KNOWN_ENTRY.fullmatch(name):
                target.writestr(zipfile.ZipInfo(name), source.read(name))
    return packed.getvalue()


def webui_dict(embedding: Embedding) -> dict[str, object]:
    """A1111's six keys (and ``notes`` where there are any) for an embedding of one encoder."""
    return {"string_to_token": {"*": 265}, "string_to_param": {"*": only_vectors(embedding)}} | about_of(embedding)


def ldm_dict(embedding: Embedding) -> dict[str, object]:
    """The original trainer's: a ParameterDict under the token, token ids as tensors, nothing else."""
    return {
        "string_to_token": {"*": torch.tensor(265)},
        "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(only_vectors(embedding))}),
    }


def hcp_dict(embedding: Embedding) -> dict[str, object]:
    """HCP-Diffusion's for SDXL: both encoders' vectors side by side, [n, 2048]."""
    joined = torch.cat([embedding.vectors[CLIP_L], embedding.vectors[CLIP_G]], dim=1)
    return {"string_to_param": {"*": joined}, NAME: about_of(embedding)[NAME]}


def only_vectors(embedding: Embedding) -> torch.Tensor:
    """The one encoder's vectors [vectors, width], as a copy that carries no larger storage along."""
    (vectors,) = embedding.vectors.values()
    return vectors.detach().to(device="cpu", dtype=torch.float32).clone().contiguous()

"""The one table of file formats: what each can hold, and which programs load it under which name.

A format is a row here and its writer in ``formats/as_files.py``. The choices of ``convert``, its help, the list in the README and the table in docs/formats.md come from here. What each program
loads was run with its own code, of the versions that docs/formats.md names; a program that is not there was not tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Loaded = Literal["yes", "no", "half", ""]
"""``half``: only CLIP-L of an SDXL embedding; empty: not tried, or there is no such file."""

PROGRAMS = (
    *("ComfyUI", "InvokeAI", "AUTOMATIC1111", "Forge", "Forge Classic", "SD.Next", "diffusers", "kohya", "OneTrainer"),
    *("ai-toolkit", "stable-diffusion.cpp"),
)
"""AUTOMATIC1111 stands for reForge too, and Forge Classic for Forge Neo: they read alike."""


@dataclass(frozen=True, kw_only=True)
class Loads:
    """One program and files of a format: of one encoder (SD 1.x, 2.x) and of SDXL.

    ``name`` is what prompts call it, where that is not the file's name; ``not_endings`` are passed over.
    """

    single: Loaded = "yes"
    sdxl: Loaded = "yes"
    name: str = ""
    not_endings: tuple[str, ...] = ()


_YES, _NO = Loads(), Loads(single="no", sdxl="no")
_FLAT = (".safetensors", ".pt", ".bin", ".ckpt")
_TOKEN = "its token"


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """``what`` it is; ``suffixes`` that its files may have (none: a folder), and how many encoders it can hold."""

    what: str
    suffixes: tuple[str, ...]
    encoders: tuple[int, ...]
    loads: Mapping[str, Loads] = field(default_factory=dict[str, Loads])

    def loaded(self, program: str, *, encoders: int) -> Loaded:
        """Tell whether ``program`` loads an embedding of so many encoders from this format."""
        loads = self.loads.get(program)
        if loads is None or encoders not in self.encoders:
            return ""
        return loads.single if encoders == 1 else loads.sdxl


def _loads(**different: Loads | None) -> Mapping[str, Loads]:
    """Every program but those that are ``different`` (by the letters of its name); None: not tried."""
    known = {"".join(filter(str.isalnum, program)).lower(): program for program in PROGRAMS}
    cells = {program: different.get(key, _YES) for key, program in known.items()}
    return {program: loads for program, loads in cells.items() if loads is not None}


_KEYED = Loads(name="the tensor's name")
_ONE_TENSOR = _loads(
    diffusers=_KEYED,
    onetrainer=Loads(single="no"),
    stablediffusioncpp=Loads(sdxl=""),
    sdnext=Loads(sdxl="", not_endings=(".pt",)),
)
_PICTURE = Loads(name="the name inside")
_IN_PICTURES = _loads(
    comfyui=_NO, invokeai=_NO, automatic1111=_PICTURE, forge=_PICTURE, forgeclassic=_NO, sdnext=None, diffusers=_NO, kohya=None,
    onetrainer=_NO, aitoolkit=None, stablediffusioncpp=_NO,
)  # fmt: skip

FORMATS: Mapping[str, FileFormat] = {
    "a1111": FileFormat(
        what="`.pt` of AUTOMATIC1111",
        suffixes=(".pt", ".bin"),
        encoders=(1,),
        loads=_loads(sdnext=Loads(not_endings=(".bin",)), diffusers=Loads(name="the name inside"), onetrainer=_NO),
    ),
    "safetensors": FileFormat(
        what="`.safetensors` of one tensor, as ai-toolkit writes it",
        suffixes=(".safetensors",),
        encoders=(1, 2),
        loads=_ONE_TENSOR,
    ),
    "sdxl": FileFormat(
        what="`clip_l` and `clip_g` in one file, for SDXL",
        suffixes=_FLAT,
        encoders=(2,),
        loads=_loads(
            sdnext=None, stablediffusioncpp=None, diffusers=Loads(name="the one given, for each key"), aitoolkit=Loads(not_endings=(".pt",))
        ),
    ),
    "diffusers": FileFormat(
        what="`learned_embeds` of diffusers, for SDXL two files",
        suffixes=_FLAT,
        encoders=(1, 2),
        loads=_loads(
            comfyui=Loads(sdxl="half"), invokeai=_NO, automatic1111=Loads(sdxl="no"), forge=Loads(sdxl="no"),
            forgeclassic=Loads(sdxl="no"), sdnext=Loads(sdxl="", not_endings=(".bin",)), diffusers=Loads(name=_TOKEN),
            kohya=Loads(sdxl="no"), onetrainer=_NO, aitoolkit=Loads(sdxl="no"), stablediffusioncpp=Loads(sdxl=""),
        ),
    ),
    "kohya": FileFormat(
        what="`.safetensors` and `.pt` of kohya",
        suffixes=_FLAT,
        encoders=(1, 2),
        loads=_ONE_TENSOR,
    ),
    "onetrainer": FileFormat(
        what="`.safetensors` of OneTrainer",
        suffixes=(".safetensors",),
        encoders=(1, 2),
        loads=_loads(invokeai=Loads(single="no"), sdnext=None, diffusers=_KEYED, stablediffusioncpp=Loads(sdxl="")),
    ),
    "invoke": FileFormat(
        what="`.safetensors` of invoke-training",
        suffixes=(".safetensors",),
        encoders=(1, 2),
        loads={program: loads for program, loads in _ONE_TENSOR.items() if program != "SD.Next"},
    ),
    "ldm": FileFormat(
        what="`.pt` of the original repository",
        suffixes=(".pt", ".bin"),
        encoders=(1,),
        loads={program: _YES if program in ("ComfyUI", "Forge") else _NO for program in PROGRAMS if program != "SD.Next"},
    ),
    "hcp": FileFormat(
        what="`.pt` of HCP-Diffusion, for SDXL",
        suffixes=(".pt", ".bin"),
        encoders=(2,),
        loads={program: _NO for program in PROGRAMS if program not in ("SD.Next", "diffusers", "stable-diffusion.cpp")},
    ),
    "png": FileFormat(
        what="PNG pictures that carry an embedding",
        suffixes=(".png",),
        encoders=(1, 2),
        loads=_IN_PICTURES,
    ),
    "webp": FileFormat(
        what="lossless WebP pictures that carry one",
        suffixes=(".webp",),
        encoders=(1, 2),
        loads=_IN_PICTURES,
    ),
    "concept-library": FileFormat(
        what="folders of the concept library",
        suffixes=(),
        encoders=(1, 2),
        loads=_loads(
            comfyui=Loads(sdxl="half"), invokeai=_NO,
            automatic1111=Loads(sdxl="no", name="learned_embeds"), forge=Loads(sdxl="no", name="learned_embeds"),
            forgeclassic=Loads(sdxl="no", name="learned_embeds"), sdnext=None, diffusers=Loads(name=_TOKEN), kohya=None,
            onetrainer=None, aitoolkit=None, stablediffusioncpp=None,
        ),
    ),
}  # fmt: skip
"""Every format that can be written, by name; ``Embedding.file_format`` uses the same names (and those of ``READ_ONLY``)."""

READ_ONLY: Mapping[str, str] = {
    "pivotal": "`text_encoders_0`/`text_encoders_1` of diffusers' pivotal tuning",
    "bundle": "an embedding that OneTrainer bundled into a LoRA",
}
"""Formats that are read and not written."""


def programs_that_do_not_load(name: str, *, encoders: int, ending: str = "") -> tuple[str, ...]:
    """The programs that were tried with this format and do not load the whole embedding from it.

    ``ending`` is the file's, with its dot.
    """
    form = FORMATS[name]
    return tuple(
        program
        for program, loads in form.loads.items()
        if form.loaded(program, encoders=encoders) in ("no", "half") or ending.lower() in loads.not_endings
    )

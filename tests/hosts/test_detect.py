"""Which web UI is this, and what is said where there is none or none that is supported."""

from __future__ import annotations

import pytest

from textual_inversion.core.base.errors import LeaseError
from textual_inversion.hosts.detect import detect, family

COMMON = {"modules", "modules.sd_hijack"}
FORGE = {"modules", "modules_forge", "backend", "backend.diffusion_engine"}


@pytest.mark.parametrize(
    ("modules", "neo", "name"),
    [
        (set(), False, None),
        ({"modules"}, False, None),
        (COMMON, False, None),
        ({*COMMON, "modules.sd_hijack_clip", "modules.lowvram"}, False, "AUTOMATIC1111"),
        ({*COMMON, *FORGE, "modules.sd_hijack_clip"}, False, "Forge"),
        (FORGE, True, "Forge Neo"),
        (
            {*COMMON, "modules_forge", "ldm_patched", "modules.sd_hijack_clip", "modules.sd_text_encoder"},
            False,
            "reForge",
        ),
        ({*COMMON, "modules_forge", "ldm_patched", "modules.sd_hijack_clip"}, False, "Forge Classic"),
        ({*COMMON, "modules.prompt_parser_diffusers", "modules.sdnq"}, False, "SD.Next"),
    ],
    ids=["none", "another program", "half", "A1111", "Forge", "Neo", "reForge", "Classic", "SD.Next"],
)
def test_a_web_ui_is_known_by_what_it_is_made_of(modules: set[str], neo: bool, name: str | None) -> None:
    assert family(modules.__contains__, neo=lambda: neo) == name


def test_a_process_without_a_web_ui_is_found_out_by_importing_nothing() -> None:
    with pytest.raises(LeaseError, match=r"python run\.py"):
        detect()

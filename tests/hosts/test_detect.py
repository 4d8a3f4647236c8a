"""Which web UI is this, and what is said where there is none or none that is supported."""

from __future__ import annotations

import pytest

from textual_inversion.core.base.errors import LeaseError
from textual_inversion.hosts.detect import detect


@pytest.mark.parametrize(
    ("modules", "sentence"),
    [
        (set(), "No web UI was found"),
        ({"modules"}, "No web UI was found"),
        ({"modules", "modules.sd_hijack", "modules_forge", "backend.diffusion_engine"}, "does not run in Forge yet"),
        ({"modules", "modules.sd_hijack", "modules_forge", "ldm_patched"}, "does not run in reForge yet"),
    ],
    ids=["none", "another program", "Forge", "reForge"],
)
def test_what_cannot_be_adapted_is_told(modules: set[str], sentence: str) -> None:
    with pytest.raises(LeaseError, match=sentence):
        detect(lambda name: name in modules)


def test_a_process_without_a_web_ui_is_found_out_by_importing_nothing() -> None:
    with pytest.raises(LeaseError, match=r"python run\.py"):
        detect()

"""An installed web UI in this process (`--webui-dir`), shared by the tests of this folder: those of another one are skipped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from host_bench import Bench
from tiny_text_encoder import embedding_vectors

from textual_inversion.core.model.host import LeaseRequest, PictureRequest

Load = Callable[[str], Any]


def installed(request: pytest.FixtureRequest, *, has: str) -> Path:
    """The web UI that was given, if it has this file or folder."""
    given = request.config.getoption("--webui-dir")
    if not given:
        pytest.skip("no --webui-dir")
    folder = Path(given).resolve()
    if not (folder / has).exists():
        pytest.skip("--webui-dir is another web UI")
    sys.path.insert(0, str(Path(__file__).parent))
    return folder


@pytest.fixture(scope="session")
def load(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Loads the tiny checkpoint of that name into AUTOMATIC1111 and returns the model."""
    folder = installed(request, has="modules/sd_hijack_optimizations.py")
    import a1111_process

    a1111_process.start(folder, tmp_path_factory.mktemp("a1111"))
    return a1111_process.load


@pytest.fixture(scope="session")
def webui(load: Load) -> Any:
    from textual_inversion.hosts.detect import detect

    return detect()


@pytest.fixture(scope="session")
def make_bench(load: Load, webui: Any) -> Callable[[str, Path], Bench]:
    """AUTOMATIC1111 with a tiny checkpoint, and a folder for what is written."""
    import a1111_process

    def make(variant: str, folder: Path) -> Bench:
        model = load(variant)
        return Bench(
            host=webui.host, variant=variant, folder=folder, modules=lambda: [model], state=a1111_process.state
        )

    return make


@pytest.fixture
def sd1(make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    return make_bench("sd1", tmp_path)


@pytest.fixture(scope="session")
def forge_process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Forge or Forge Neo, started, with the functions that load its tiny checkpoints."""
    folder = installed(request, has="backend/diffusion_engine")
    import forge_process

    forge_process.start(folder, tmp_path_factory.mktemp("forge"))
    return forge_process


@pytest.fixture(scope="session")
def forge(forge_process: ModuleType) -> Any:
    """The adapter of the started web UI."""
    from textual_inversion.hosts.detect import detect

    return detect()


@pytest.fixture(scope="session")
def make_forge_bench(
    request: pytest.FixtureRequest, forge_process: ModuleType, forge: Any
) -> Callable[[str, Path], Bench]:
    def make(variant: str, folder: Path) -> Bench:
        if variant not in forge_process.variants(Path(request.config.getoption("--webui-dir"))):
            pytest.skip(f"{forge.host.name} loads no checkpoint of this kind")
        engine = forge_process.load(variant)
        return Bench(
            host=forge.host,
            variant=variant,
            folder=folder,
            modules=lambda: forge_process.modules(engine),
            state=lambda: forge_process.state(engine),
        )

    return make


@pytest.fixture
def forge_sd1(make_forge_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    return make_forge_bench("sd1", tmp_path)


@pytest.fixture(scope="session")
def reforge_bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """reForge or Forge Classic with the checkpoint that was given, and a folder for what is written."""
    checkpoint = request.config.getoption("--webui-checkpoint")
    folder = installed(request, has="ldm_patched")
    if not checkpoint:
        pytest.skip("no --webui-checkpoint")
    import reforge_process

    reforge_process.start(folder, tmp_path_factory.mktemp("webui"), Path(checkpoint))
    from modules import shared

    from textual_inversion.hosts.detect import detect

    host, model = detect().host, shared.sd_model
    picture = PictureRequest(prompt="a photo of tix3", width=64, height=64, steps=1, sampler="Euler")
    live = {"tix3": {"clip_l": embedding_vectors("tix3", 3, 768)}}
    with host.lease(LeaseRequest()) as lease:  # the web UI casts tables with the first prompt
        lease.picture(picture, embeddings=live)
    return Bench(
        host=host,
        variant="sd1",
        folder=tmp_path_factory.mktemp("run"),
        modules=lambda: reforge_process.modules(model),
        state=lambda: reforge_process.state(model),
    )

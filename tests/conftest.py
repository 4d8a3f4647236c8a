"""One thread, so that results are the same bits everywhere and tests do not fight for cores; and where a real web UI lies."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from benchmarks.shadow.device import ShadowDevice

pytest.register_assert_rewrite("host_contract")
if find_spec("hypothesis"):  # a web UI's environment, in which some of the tests run, has none
    from hypothesis import settings

    settings.register_profile("patient", deadline=None)  # a deadline measures how busy the machine is
    settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--webui-dir", help="folder of an installed web UI, for the tests marked 'host'")
    parser.addoption("--webui-checkpoint", help="a full SD 1.x checkpoint, for web UIs that load no miniature ones")
    parser.addoption("--webui-python", help="the Python that starts it, where that is not the one of its folder 'venv'")


@pytest.fixture(autouse=True, scope="session")
def second_device(request: pytest.FixtureRequest) -> None:
    """Register it before the first test where any test uses it: torch makes a queue for each device that is there at a process's
    first backward pass, and later ones get none."""
    from benchmarks.shadow.device import shadow_device, supported

    if supported() and any(_on_second_device(item) for item in request.session.items):
        shadow_device()


def _on_second_device(item: pytest.Item) -> bool:
    module = vars(getattr(item, "module", None) or object).keys()
    return "shadow" in getattr(item, "fixturenames", ()) or bool(module & {"standalone_on_shadow", "shadow_device"})


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def signals_of_a_terminal() -> None:
    """A shell starts background jobs with these ignored, and whatever a test starts would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def shadow() -> Iterator[ShadowDevice]:
    """A second device, ``torch.device("shadow")``, with the rules of CUDA and the CPU's results."""
    from benchmarks.shadow.device import shadow_device, supported

    if not supported():
        pytest.skip("this torch lets no Python register a device")
    with shadow_device().in_use() as device:
        yield device

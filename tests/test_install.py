"""What `install.py` says inside a web UI."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from textual_inversion import host_packages
from textual_inversion.host_packages import OLDEST, complaints, numbers

ROOT = Path(__file__).resolve().parents[1]


def test_all_is_well_with_what_is_pinned():
    assert complaints(lambda package: OLDEST[package] + ".0+cu121", (3, 10, 6)) == []


def test_an_old_package_is_named_with_both_versions():
    versions = OLDEST | {"torch": "1.13.1+cu117"}
    (sentence,) = complaints(versions.__getitem__, (3, 10, 6))
    assert sentence.startswith("torch 1.13.1+cu117 is too old: 2.1 or newer is needed.")


def test_a_missing_package_and_an_old_python():
    def version_of(package: str) -> str:
        if package == "safetensors":
            raise metadata.PackageNotFoundError(package)
        return "99"

    python, package = complaints(version_of, (3, 9, 1))
    assert python.startswith("Python 3.9 is too old")
    assert package.startswith("safetensors is missing")


def test_numbers_are_compared_as_numbers():
    assert numbers("2.10.0") > numbers("2.9.1")
    assert numbers("unknown") == ()


def test_a_fault_of_the_check_stops_nothing(monkeypatch, capsys):
    def broken() -> list[str]:
        raise RuntimeError("odd metadata")

    monkeypatch.setattr(host_packages, "complaints", broken)
    host_packages.report()
    assert "could not be checked (odd metadata)" in capsys.readouterr().out


def test_install_script_is_silent_where_nothing_is_wrong(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "install.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

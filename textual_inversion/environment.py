"""The `.venv` in the clone: made, filled, and left alone once it is complete. Standard library only.

What is needed stands in `pyproject.toml` and nowhere else. A stamp in `.venv` remembers what was installed, so that a
later start asks nobody; an installation that was cut short has no stamp and is taken up again.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GIGABYTES_NEEDED = 8
INTERRUPTED = 130
_TELLING = ("torch", "diffusers", "open_clip")
"""Packages that tell for the rest: where these are, the others were installed too; a Python that has torch for other purposes lacks some."""


class SetupError(Exception):
    """The environment cannot be made; the text says why and what to do."""


def start(arguments: Sequence[str], *, usage: str | None) -> int:
    """Install what is missing, then run the app, the demo (`--demo`) or the tests (`--test`). Returns its exit code."""
    if "--help" in arguments[:1] or "-h" in arguments[:1]:
        print(usage)
        return 0
    rest = [argument for argument in arguments if argument not in ("--demo", "--test")]
    tests = "--test" in arguments
    try:
        python = ready(ROOT, extras=("test",) if tests else ())
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command takes up the installation where it was.", file=sys.stderr)
        return INTERRUPTED
    os.chdir(ROOT)
    if tests:
        return hand_over([str(python), "-m", "pytest", *rest])
    command = "demo" if "--demo" in arguments else "ui"
    return hand_over([str(python), "-m", "textual_inversion", command, *rest])


def ready(root: Path, *, extras: Iterable[str] = ()) -> Path:
    """The Python of a complete `.venv` under `root`; makes and fills it where it is not. Raises SetupError."""
    wanted = requirements((root / "pyproject.toml").read_text(encoding="utf-8"), extras=extras)
    venv = root / ".venv"
    python = python_of(venv)
    if not works(python):
        make(venv)
    missing = [requirement for requirement in wanted if requirement not in installed(venv)]
    if missing:
        install(python, wanted, venv=venv)
        remember(venv, wanted)
    return python


def requirements(pyproject: str, *, extras: Iterable[str] = ()) -> list[str]:
    """The dependencies that a `pyproject.toml` lists, those of `extras` after them.

    Its arrays of strings are Python lists as well, so they can be read without a TOML parser (new in Python 3.11).
    """
    return [item for name in ("dependencies", *extras) for item in _array(pyproject, name)]


def _array(text: str, name: str) -> list[str]:
    match = re.search(rf"^{re.escape(name)}\s*=\s*(?=\[)", text, re.MULTILINE)
    if match is None:
        raise SetupError(f"pyproject.toml has no list called {name!r}.")
    for end in (found.end() for found in re.finditer(r"\]", text[match.end() :])):
        try:
            return list(ast.literal_eval(text[match.end() : match.end() + end]))
        except SyntaxError:
            continue  # a bracket inside a string, as in "package[extra]"
    raise SetupError(f"The list {name!r} in pyproject.toml has no end.")


def python_of(venv: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def works(python: Path) -> bool:
    """Tell whether that interpreter starts and has pip: not so after a half-made `.venv`, or when its Python was removed."""
    if not python.exists():
        return False
    try:
        return subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make(venv: Path) -> None:
    """A new virtual environment in place of whatever is there."""
    if sys.maxsize <= 2**32:
        raise SetupError("This Python is a 32-bit one, and PyTorch needs 64 bits. Install the 64-bit Python.")
    print(f"Making {venv} with Python {sys.version.split()[0]} ...", flush=True)
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=False)
    if done.returncode != 0:
        raise SetupError(
            f"Python could not make a virtual environment in {venv}; its reason is above. On Debian and Ubuntu this "
            "usually means that one package is missing: sudo apt install python3-venv"
        )


def install(python: Path, wanted: Sequence[str], *, venv: Path) -> None:
    """Let pip install `wanted`, its progress on the terminal. Raises SetupError where it does not get to the end."""
    free = shutil.disk_usage(venv).free / 1e9
    if free < GIGABYTES_NEEDED and not installed(venv):
        print(f"Note: {free:.1f} GB are free here, and up to {GIGABYTES_NEEDED} GB are needed.", file=sys.stderr)
    print(
        f"Installing {len(wanted)} packages and what they need into {venv}. The first time this takes some minutes: "
        "PyTorch is large, and after the downloads pip is silent for a while.",
        flush=True,
    )
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *wanted]
    if subprocess.run(pip, check=False).returncode != 0:
        raise SetupError(
            "The installation did not get to its end; pip's reason is above. Start the same command again once that is "
            "mended: what is there already is kept. If pip found no torch, there is none yet for Python "
            f"{sys.version_info[0]}.{sys.version_info[1]} on this computer: remove .venv and start with another Python version."
        )


def installed(venv: Path) -> list[str]:
    """The requirements that were installed to the end; empty where none were."""
    try:
        content = json.loads(_stamp(venv).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return content if isinstance(content, list) else []


def remember(venv: Path, wanted: Sequence[str]) -> None:
    """Note that `wanted` is installed, beside what was before."""
    _stamp(venv).write_text(json.dumps(sorted({*installed(venv), *wanted}), indent=1), encoding="utf-8")


def _stamp(venv: Path) -> Path:
    return venv / "installed.json"


def run_module(module: str, main: Callable[[], int], *, root: Path = ROOT) -> int:
    """``main()`` where this Python has the packages; else the same module in the clone's `.venv`, so that `python -m`
    works there without activating anything. Returns the exit code."""
    if all(importlib.util.find_spec(name) for name in _TELLING):
        return main()
    venv = root / ".venv"
    if Path(sys.prefix).resolve() == venv.resolve() or not works(python_of(venv)):
        print("What this needs is not installed yet. Start with: python run.py", file=sys.stderr)
        return 1
    return hand_over([str(python_of(venv)), "-m", module, *sys.argv[1:]])


def hand_over(command: Sequence[str]) -> int:
    """Run `command` in place of this process (POSIX), or wait for it and return its exit code (Windows).

    Ctrl-C reaches the command too and is its own affair.
    """
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(command[0], list(command))
    with subprocess.Popen(command) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue

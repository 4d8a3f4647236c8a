"""The suite with the oldest or the newest releases that pyproject.toml admits: ``python tests/matrix.py oldest [pytest arguments]``.

Makes ``.matrix/oldest`` (or ``newest``) with a pip of its own and runs pytest in it. PyTorch is large, so ``--torch-from PYTHON`` takes
it, with torchvision, from where another Python has it: it is then not varied.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from textual_inversion.environment import python_of, requirements  # noqa: E402

_LOWER = re.compile(r"^([A-Za-z0-9_.-]+)>=([0-9.]+)")
_TORCH = ("torch", "torchvision")
_BESIDE_TORCH = ("torch", "torchvision", "torchgen", "functorch", "nvidia", "triton", "torchvision.libs")


def wanted(end: str, *, own_torch: bool) -> list[str]:
    """What pip is asked for: at the oldest end each dependency at its lower bound; tools for testing are always new."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    run, whole = requirements(text), requirements(text, extras=("test",))
    found = [_oldest(each) if end == "oldest" else each for each in run] + whole[len(run) :]
    return [each for each in found if own_torch or re.split(r"[^A-Za-z0-9_-]", each)[0] not in _TORCH]


def _oldest(requirement: str) -> str:
    match = _LOWER.match(requirement)
    return f"{match[1]}=={match[2]}" if match else requirement


def link_torch(venv: Path, source: Path) -> None:
    """Let ``venv`` see the torch of another Python, and nothing else of it."""
    shared = venv / "torch"
    shared.mkdir(exist_ok=True)
    told = [source / name for name in _BESIDE_TORCH]
    told += [path for name in _TORCH for path in source.glob(f"{name}-*.dist-info")]
    for path in told:
        if path.exists() and not (shared / path.name).exists():
            (shared / path.name).symlink_to(path)
    for folder in venv.glob("lib/python*/site-packages"):
        (folder / "torch.pth").write_text(f"{shared}\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the environment and run the tests in it; pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("end", choices=("oldest", "newest"))
    parser.add_argument("--torch-from", type=Path, metavar="PYTHON", help="a Python whose torch is taken")
    known, rest = parser.parse_known_args(arguments)
    venv = ROOT / ".matrix" / known.end
    if not python_of(venv).exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(python_of(venv))
    if known.torch_from is not None:
        place = "import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1])"
        found = subprocess.run([str(known.torch_from), "-c", place], check=True, capture_output=True, text=True)
        link_torch(venv, Path(found.stdout.strip()))
    asked = wanted(known.end, own_torch=known.torch_from is None)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", *asked], check=True)
    return subprocess.run([python, "-m", "pytest", *rest], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m benchmarks.run_start [--pictures N] [--side S] [--flip] [--tree FOLDER]… [--json]`: how soon a run begins.

Starts the app of each tree (this clone, and others to compare with) in a process of its own with the demo checkpoint, posts a
run on one folder of pictures, half of them JPEG and half PNG, and times the answer and the first step, from the post on.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parents[1]
_API = "/textual-inversion/v1"
_PATIENCE = 600.0


@dataclass(frozen=True)
class Start:
    """Seconds from the post on: until it was answered, and until the first step was done."""

    tree: str
    answer: float
    first_step: float


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="run-start-") as name:
        folder = Path(name)
        write_pictures(folder / "pictures", count=arguments.pictures, side=arguments.side)
        trees = [Path(tree).resolve() for tree in arguments.tree] or [HERE]
        starts = [
            measure(tree, folder, turn=turn, flip=arguments.flip) for turn in range(arguments.turns) for tree in trees
        ]
    if arguments.json:
        print(json.dumps([asdict(start) for start in starts]))
    else:
        print("\n".join(_lines(starts, trees)))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run_start", description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=500, help="in the folder (default: 500)")
    parser.add_argument("--side", type=int, default=768, help="of each, in pixels (default: 768)")
    parser.add_argument("--flip", action="store_true", help="with 'Mirror at random'")
    parser.add_argument("--turns", type=int, default=1, help="of each tree, in turns (default: 1)")
    parser.add_argument("--tree", action="append", default=[], help="a clone to measure (default: this one)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _lines(starts: Sequence[Start], trees: Sequence[Path]) -> Iterator[str]:
    for tree in trees:
        mine = [start for start in starts if start.tree == str(tree)]
        answer, first = (statistics.median(getattr(each, name) for each in mine) for name in ("answer", "first_step"))
        yield f"{tree}: answered after {answer:.2f} s, first step after {first:.2f} s"


def write_pictures(folder: Path, *, count: int, side: int) -> None:
    """``count`` pictures that compress about as photographs do, with captions."""
    folder.mkdir()
    source = np.random.default_rng(1)
    for index in range(count):
        coarse = source.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = smooth + source.integers(-6, 7, smooth.shape, dtype=np.int16)
        picture = Image.fromarray(grain.clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{index:03}.{'jpg' if index % 2 else 'png'}", quality=92)
        (folder / f"{index:03}.txt").write_text(f"a red thing, number {index}")


def measure(tree: Path, folder: Path, *, turn: int, flip: bool) -> Start:
    """Start the app of ``tree``, and time the start of a run on the pictures of ``folder``."""
    place = folder / f"{turn}-{tree.name}"
    (place / "embeddings").mkdir(parents=True)
    with _app(tree, place) as address:
        _call(address, "create", {"name": "thing", "init_text": "red", "vectors": 2})
        settings = {
            "name": "thing",
            "data": [str(folder / "pictures")],
            "template": "subject_filewords.txt",
            "steps": 1,
            "width": 64,
            "height": 64,
            "flip": flip,
            "log_dir": str(place / "log"),
            "image_every": 0,
            "evaluate_every": 0,
        }
        begun = time.monotonic()
        run = _call(address, "train", settings)["run"]
        answer = time.monotonic() - begun
        return Start(tree=str(tree), answer=answer, first_step=_first_step(address, run) - begun)


def _first_step(address: str, run: str) -> float:
    after = 0
    while True:
        told = _call(address, f"runs/{run}/events?after={after}")["events"]
        for event in told:
            if event["event"] == "step":
                return time.monotonic()
            if event["event"] == "finished":
                raise SystemExit(f"The run ended before its first step: {event['message']}")
        after = max([after, *(event["number"] for event in told)])
        time.sleep(0.02)


@contextmanager
def _app(tree: Path, place: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--embeddings-dir", str(place / "embeddings"), "--threads", "1", "--no-browser", "--port", str(port)]
    with (place / "app.log").open("w") as log:
        command = [sys.executable, "-m", "textual_inversion", "ui", *options]
        process = subprocess.Popen(command, cwd=tree, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}{_API}/"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"The app ended with {process.returncode} before it answered.")
        try:
            _call(address, "runs")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The app did not answer.")


def _call(address: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path}: {error.code} {error.read().decode(errors='replace')}") from error


if __name__ == "__main__":
    sys.exit(main())

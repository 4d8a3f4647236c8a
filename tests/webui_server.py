"""An installed web UI as a process of its own: a copy of its code with folders of its own, and HTTP to talk to it.

Nothing is written into the installation. Its code (some megabytes) is copied, so that all its default paths lie in the
copy, where the extension is a link to this clone; its repositories are linked.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from webui_kinds import kind_of, write_settings

CLONE = Path(__file__).resolve().parents[1]
EXTENSION = "textual-inversion"
API = "/textual-inversion/v1/"
DEMO = "textual-inversion-demo"
OTHER = "another-checkpoint"
PATIENCE = 300
"""Seconds that anything may take on a test machine with other things to do."""

_LEFT_OUT = {
    ".git",
    "venv",
    "models",
    "outputs",
    "output",
    "embeddings",
    "extensions",
    "log",
    "logs",
    "cache",
    "tmp",
    "concept",
}
_LEFT_OUT |= {
    "config.json",
    "ui-config.json",
    "params.txt",
    "styles.csv",
    "repositories",
    "textual_inversion",
    "config_states",
}
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONWARNINGS": "ignore",
    "PYTHONUNBUFFERED": "1",
}


def python_of(installation: Path) -> Path:
    """That of the web UI's own venv, else the one that runs the tests."""
    usual = [installation / "venv" / "bin" / "python", installation / "venv" / "Scripts" / "python.exe"]
    return next((path for path in usual if path.exists()), Path(sys.executable))


def copied(installation: Path, folder: Path, *, checkpoint: Path | None = None) -> Path:
    """The web UI in ``folder``, with this clone as its extension and the demo checkpoint put in as a user would; or another one,
    linked, where the web UI cannot load that."""
    folder.mkdir(parents=True)
    for source in installation.iterdir():
        if source.name in _LEFT_OUT:
            continue
        if source.is_dir():
            shutil.copytree(source, folder / source.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder)
    kind = kind_of(installation)
    if (installation / "repositories").exists():
        (folder / "repositories").symlink_to(installation / "repositories", target_is_directory=True)
    for name in ("extensions", kind.embeddings, "models/Stable-diffusion", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "extensions" / EXTENSION).symlink_to(CLONE, target_is_directory=True)
    if checkpoint is not None:
        (folder / "models" / "Stable-diffusion" / checkpoint.name).symlink_to(checkpoint)
    elif kind.loads_demo:
        command = [sys.executable, "-m", "textual_inversion", "demo-checkpoint", "--webui-dir", str(folder)]
        subprocess.run(command, cwd=CLONE, check=True, capture_output=True, timeout=PATIENCE)
        _write_other_checkpoint(folder / "models" / "Stable-diffusion")
    write_settings(folder, kind, checkpoint.name if checkpoint else "")
    return folder


def _write_other_checkpoint(folder: Path) -> None:
    weights = load_file(folder / f"{DEMO}.safetensors")
    first = next(iter(weights))
    save_file({**weights, first: weights[first] * 1.01}, folder / f"{OTHER}.safetensors")
    shutil.copy2(folder / f"{DEMO}.yaml", folder / f"{OTHER}.yaml")


class Server:
    """One web UI, started and stopped. ``folder`` is its own copy; ``log`` all that it has printed."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder, self.log = folder, ""
        self.kind = kind_of(folder)
        self._python = python
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, *arguments: str) -> None:
        """Start with more arguments, and wait until it says that it is ready: asked too early, it fails to start."""
        port = free_port()
        self.url, self.log = f"http://127.0.0.1:{port}", ""
        command = [str(self._python), "launch.py", *self.kind.arguments.split(), "--port", str(port)]
        demo = f"models/Stable-diffusion/{DEMO}.safetensors"
        command += [*(["--ckpt", demo] if (self.folder / demo).exists() else []), *arguments]
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        self.wait(lambda: all(words in self.log for words in self.kind.ready) and _listens(port), "its start")

    def stop(self) -> None:
        """At once, as when its window is closed."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)
        self._process = None

    def restart(self, *arguments: str) -> None:
        self.stop()
        self.start(*arguments)

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        login: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
        method: str | None = None,
    ) -> tuple[int, Any]:
        """Status and JSON answer of a route: one of ours, or any that begins with a slash."""
        address = self.url + (path if path.startswith("/") else API + path)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if login is not None:
            request.add_header("Authorization", "Basic " + base64.b64encode(":".join(login).encode()).decode())
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())

    def get(self, path: str) -> Any:
        """The answer of a route that must succeed."""
        status, answer = self.ask(path)
        assert status == 200, f"{path}: {status} {answer}"
        return answer

    def post(self, path: str, **body: Any) -> Any:
        status, answer = self.ask(path, body)
        assert status in (200, 202), f"{path}: {status} {answer}"
        return answer

    def run(self, name: str) -> dict[str, Any]:
        """The newest run of an embedding."""
        return next(run for run in self.get("runs")["runs"] if run["name"] == name)

    def state(self, name: str, *states: str, patience: float = PATIENCE) -> dict[str, Any]:
        """Wait until the newest run of an embedding is in one of these states."""
        self.wait(lambda: self.run(name)["state"] in states, f"run of {name} to be {states}", patience)
        return self.run(name)

    def reach(self, name: str, step: int) -> None:
        self.wait(lambda: self.run(name)["step"] >= step, f"step {step} of {name}")

    def wait(self, condition: Any, what: str, patience: float = PATIENCE) -> None:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if condition():
                return
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(f"The web UI ended while waiting for: {what}\n{self.log[-4000:]}")
            time.sleep(0.2)
        raise AssertionError(f"Waited {patience} s in vain for: {what}\n{self.log[-4000:]}")

    def create(self, name: str, **more: Any) -> None:
        self.post("create", **{"name": name, "init_text": "shape", "vectors": 2, "overwrite": True, **more})

    def train(self, name: str, pictures: Path, **more: Any) -> str:
        """Start a run of settings that suit the demo checkpoint; its id."""
        settings = {
            "name": name,
            "data": [str(pictures)],
            "template": "subject_filewords.txt",
            "learning_rate": "0.02",
            "width": 64,
            "height": 64,
            "save_every": 0,
            "image_every": 0,
        }
        return self.post("train", **{**settings, **more})["run"]

    def option(self, **values: Any) -> None:
        """Settings as the web UI's own page changes them."""
        self.post("/sdapi/v1/options", **values)

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.log += line


def embedding_file(server: Server, name: str) -> Path:
    return server.folder / server.kind.embeddings / f"{name}.pt"


def names(entries: Sequence[dict[str, Any]]) -> set[str]:
    return {entry["name"] for entry in entries}


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def _listens(port: int) -> bool:
    """Some say that they are up before they are."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""An app with a Library on a fake host, and files for it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fake_host import FakeHost
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from textual_inversion.core.base.files import write_json
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.record.run_folder import RunDirectory
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.web.access import Access
from textual_inversion.web.app import PREFIX, mount

NASTY = "<img src=x onerror=window.hacked=1>"


@dataclass
class LibraryWorld:
    folder: Path
    host: FakeHost
    manager: RunManager
    client: TestClient

    def add(self, file: str = "cat.pt", *, vectors: int = 2, width: int = 16, value: float = 1.0, **about: Any) -> Path:
        path = self.host.embeddings_dir / file
        rows = torch.full((vectors, width), value)
        embedding = Embedding(vectors={"*": rows}, **{"name": path.stem, "step": 30, **about})
        write_embedding(embedding, path)
        return path

    def run(self, name: str = "cat", *, steps: tuple[int, ...] = (10, 20)) -> RunDirectory:
        """A finished run's folder, with copies and previews."""
        run = RunDirectory(self.folder / "log" / "2026-01-01" / name, name)
        config = TrainConfig(name=name, data=("pictures",), log_dir=str(self.folder / "log"), width=64, height=64)
        write_json(run.plan, {"config": config.to_mapping()})
        for step in steps:
            rows = torch.full((2, 16), float(step))
            write_embedding(Embedding(vectors={"*": rows}, name=name, step=step), run.copy(step, ".pt"))
            run.image(step).parent.mkdir(exist_ok=True)
            Image.new("RGB", (64, 64), (step, 0, 0)).save(run.image(step))
        return run

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"embeddings{path}", params=query)

    def post(self, path: str, **body: Any) -> Any:
        return self.client.post(f"embeddings/{path}", json=body)

    def done(self, path: str, **body: Any) -> dict:
        answer = self.post(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, status: int = 400, **body: Any) -> tuple[str | None, str]:
        """The field and the sentence."""
        answer = self.post(path, **body)
        assert answer.status_code == status, answer.text
        return answer.json()["field"], answer.json()["error"]

    def undo(self, answer: dict) -> None:
        assert answer["undo"]
        for call in answer["undo"]:
            assert self.client.post(call["route"], json=call["body"]).status_code == 200

    @property
    def files(self) -> list[str]:
        folder = self.host.embeddings_dir
        found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return sorted(name for name in found if name != ".textual-inversion.lock")


def make_library_world(folder: Path, *, access: Access | None = None, **lease: Any) -> LibraryWorld:
    host = FakeHost(folder, **lease)
    manager = RunManager(host, FifoGate(), train=None, log_dirs=[folder / "log"])
    app = Starlette()
    mount(app, manager, access=access)
    client = TestClient(app, base_url="http://127.0.0.1:7860" + PREFIX + "/")
    return LibraryWorld(folder=folder, host=host, manager=manager, client=client)


def base64_of(image: Image.Image, form: str = "PNG") -> str:
    data = io.BytesIO()
    image.save(data, format=form)
    return base64.b64encode(data.getvalue()).decode()

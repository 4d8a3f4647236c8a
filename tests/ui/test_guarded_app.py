"""No route of the standalone app, Gradio's own among them, lets another site in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_training import FakeHost, FakeTraining
from starlette.testclient import TestClient

from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.ui.standalone import _web_app

OWN = "http://127.0.0.1:7860"
FOREIGN = {"origin": "http://evil.example"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("app")
    host = FakeHost(folder)
    with TestClient(_web_app(host, RunManager(host, FifoGate(), train=FakeTraining())), base_url=OWN) as client:
        yield client


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/upload"])
def test_uploads(client: TestClient, path: str) -> None:
    files = {"files": ("a.txt", b"text")}
    assert client.post(path, files=files, headers=FOREIGN).status_code == 403
    assert client.post(path, files=files, headers={**FOREIGN, "host": "evil.example"}).status_code == 403


def test_an_upload_of_the_page_itself_arrives(client: TestClient) -> None:
    answers = [
        client.post(path, files={"files": ("a.txt", b"text")}, headers={"origin": OWN})
        for path in ("/gradio_api/upload", "/upload")
    ]
    assert 200 in [answer.status_code for answer in answers]


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/queue/join", "/gradio_api/run/predict", "/config", "/"])
def test_what_the_buttons_use(client: TestClient, path: str) -> None:
    assert client.post(path, json={"data": []}, headers=FOREIGN).status_code == 403
    assert client.get(path, headers={"host": "evil.example"}).status_code == 403


def test_the_page_opens(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "gradio" in answer.text

"""An installed SD.Next as a process of its own, with a data folder of its own, and a window on its page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

from tiny_diffusers import write_diffusers
from webui_page import Window
from webui_server import CLONE, ENVIRONMENT, EXTENSION, Server, free_port

from textual_inversion.hosts.standalone import DEMO_CHECKPOINT

DEMO, OTHER = "demo-model", "other-model"
SETTINGS = {
    "offline_mode": True,
    "sd_model_checkpoint": f"Diffusers/{DEMO}",
    "diffusers_offload_mode": "none",
    "show_progress_type": "None",
    "samples_save": False,
    "grid_save": False,
}
PATIENCE = 300_000
_INFOTEXT = "#html_info_formatted_txt2img"
_PICTURE = "document.querySelector('#txt2img_gallery img')?.src"


def data_folder(folder: Path) -> Path:
    """Make one with this clone as an extension, the demo checkpoint, and the same again under another name."""
    models = folder / "models" / "Diffusers"
    for path in (models, folder / "extensions"):
        path.mkdir(parents=True)
    (folder / "extensions" / EXTENSION).symlink_to(CLONE, target_is_directory=True)
    write_diffusers(DEMO_CHECKPOINT, models / DEMO)
    shutil.copytree(models / DEMO, models / OTHER)
    log = {"textual_inversion_tab_log_dir": str(folder / "log")}
    (folder / "config.json").write_text(json.dumps({**SETTINGS, **log}), encoding="utf-8")
    return folder


class SDNextServer(Server):
    """``folder`` is the data folder; its code is only read, but for the web UI's own log."""

    def __init__(self, installation: Path, folder: Path, python: Path) -> None:
        super().__init__(folder, python)
        self._installation = installation

    def start(self, *arguments: str) -> None:
        """Start with more arguments, and wait until it says that it is ready."""
        port = free_port()
        self.url, self.log = f"http://127.0.0.1:{port}", ""
        command = [str(self._python), "launch.py", "--skip-all", "--use-cpu", "all", "--port", str(port)]
        command += ["--data-dir", str(self.folder), "--log", str(self.folder / "server.log"), *arguments]
        self._process = subprocess.Popen(
            command,
            cwd=self._installation,
            env={**os.environ, **ENVIRONMENT, "PIP_NO_INDEX": "1", "COLUMNS": "400"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        self.wait(lambda: "Startup time:" in self.log, "its start")

    def embedding(self, name: str) -> Path:
        return self.folder / "models" / "embeddings" / f"{name}.pt"


class SDNextWindow(Window):
    """Its page has A1111's parts under A1111's ids; its tab for text to image is called Text."""

    def ready(self) -> None:
        """The page takes a minute of a busy machine: it has 9000 parts."""
        self.page.set_default_timeout(PATIENCE)
        self.page.wait_for_selector("#txt2img_generate")
        self.page.wait_for_selector("#tab_textual_inversion", state="attached")
        self.page.wait_for_function("typeof opts === 'object' && Object.keys(opts).length > 0")

    def generate(self, prompt: str | None = None, *, negative: str | None = None, seed: int = 1) -> str:
        """Make one small picture; the text below it."""
        self.top_tab("Text")
        for box, text in {"prompt": prompt, "neg_prompt": negative}.items():
            if text is not None:
                self.page.fill(f"#txt2img_{box} textarea", text)
        for slider, value in {"width": 64, "height": 64, "steps": 4}.items():
            self._number(f"#txt2img_{slider} input[type=number]", value)
        if not self.page.is_visible("#txt2img_seed input"):
            self.page.click("#txt2img_seed_group > .label-wrap")
        self._number("#txt2img_seed input", seed)
        old = self.page.evaluate(_PICTURE)
        self.page.click("#txt2img_generate")
        self.page.wait_for_function(f"old => {{ const now = {_PICTURE}; return now && now !== old; }}", arg=old)
        self.page.wait_for_function(f"document.querySelector('{_INFOTEXT}').textContent.includes('Seed')")
        return self.page.text_content(_INFOTEXT) or ""

    def _number(self, selector: str, value: int) -> None:
        box = self.page.locator(selector).first
        box.fill(str(value))
        box.press("Tab")

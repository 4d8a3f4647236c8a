"""Ours against AUTOMATIC1111's own trainer: same process, same model, same settings, in turns.

    <the web UI's Python> -m benchmarks.host_trainer --webui-dir <its folder> [--checkpoint FILE] [--size 256]

Without a checkpoint one of SD 1.5's shape with random weights is made. The web UI's files are left alone: it gets a data
folder of its own. With a current torch its trainer fails at its start; what fails is replaced here, in memory, by what it
meant. Times are CPU time of this process on one thread, so other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

CLONE = Path(__file__).resolve().parents[1]
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
ARGUMENTS = (
    "--skip-prepare-environment --skip-torch-cuda-test --skip-version-check --skip-load-model-at-start --no-hashing "
    "--no-download-sd-model --use-cpu all --no-half --precision full --disable-console-progressbars --disable-safe-unpickle"
)
PROMPTS = "subject.txt"
SETTINGS = {"learning_rate": "1e-6", "batch_size": 1, "vectors": 2}
"""A small rate, so that the vectors of a model without sense stay where they are."""


def main() -> int:
    options = _options()
    os.environ.update(OFFLINE)
    with tempfile.TemporaryDirectory(prefix="host-trainer-") as folder:
        bench = Bench(options.webui_dir.resolve(), Path(folder), options)
        print(json.dumps(bench.results()))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.host_trainer", description=__doc__.split("\n")[0])
    parser.add_argument("--webui-dir", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, help="default: SD 1.5's shape, random weights")
    parser.add_argument("--size", type=int, default=256, help="of the pictures, in pixels (default: 256)")
    parser.add_argument("--steps", type=int, default=4, help="timed steps a turn (default: 4)")
    parser.add_argument("--turns", type=int, default=3, help="of each trainer (default: 3)")
    return parser.parse_args()


class Bench:
    """The web UI inside this process, with one model loaded."""

    def __init__(self, webui: Path, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.size, self.steps, self.turns = folder, options.size, options.steps, options.turns
        _start(webui, folder)
        checkpoint = options.checkpoint.resolve() if options.checkpoint else _random_sd15(webui, folder)
        self.host = _load(checkpoint)
        self.pictures = _pictures(folder / "pictures", self.size)

    def results(self) -> dict[str, Any]:
        """Medians of CPU seconds a step, and how many times as many steps ours makes in the same time."""
        cases: dict[str, Callable[[str], list[float]]] = {
            "ours": self._ours,
            "theirs, attention optimizations off": lambda name: self._theirs(name, optimized=False),
            "theirs, attention optimizations on": lambda name: self._theirs(name, optimized=True),
        }
        seconds: dict[str, list[float]] = {case: [] for case in cases}
        for turn in range(self.turns):
            for index, (case, run) in enumerate(cases.items()):
                seconds[case] += run(f"bench{turn}{index}")
                print(f"turn {turn + 1}, {case}: {statistics.median(seconds[case]):.3f} s", file=sys.stderr, flush=True)
        medians = {case: statistics.median(times) for case, times in seconds.items()}
        ratios = {case: round(median / medians["ours"], 2) for case, median in medians.items() if case != "ours"}
        rounded = {case: round(median, 4) for case, median in medians.items()}
        return {"size": self.size, "cpu_seconds_per_step": rounded, "times_as_fast": ratios}

    def _ours(self, name: str) -> list[float]:
        from textual_inversion.core.base.control import Control
        from textual_inversion.core.embeddings_folder.create import create
        from textual_inversion.core.record.events import Event, Stepped
        from textual_inversion.core.run.train import train
        from textual_inversion.core.settings.train_config import TrainConfig

        create(self.host, name=name, init_text="red", vectors=SETTINGS["vectors"])
        config = TrainConfig(
            name=name,
            data=(str(self.pictures),),
            template=PROMPTS,
            learning_rate=SETTINGS["learning_rate"],
            batch_size=SETTINGS["batch_size"],
            width=self.size,
            height=self.size,
            steps=self.steps + 1,
            save_every=0,
            image_every=0,
            log_dir=str(self.folder / "log"),
        )
        times: list[float] = []

        def seen(event: Event) -> None:
            if isinstance(event, Stepped):
                times.append(time.process_time())

        finished = train(config, self.host, control=Control(), emit=seen)
        if finished.outcome != "done":
            raise RuntimeError(finished.message)
        return _differences(times)

    def _theirs(self, name: str, *, optimized: bool) -> list[float]:
        from modules import sd_hijack, shared
        from modules.textual_inversion import textual_inversion as trainer

        shared.opts.data.update(save_training_settings_to_txt=False)
        trainer.create_embedding(name, SETTINGS["vectors"], True, "red")
        sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)
        trainer.textual_inversion_templates[PROMPTS] = trainer.TextualInversionTemplate(
            PROMPTS, str(Path(shared.cmd_opts.textual_inversion_templates_dir) / PROMPTS)
        )
        with _repaired(), _attention(optimized=optimized), _timed() as times:
            trainer.train_embedding(
                id_task="",
                embedding_name=name,
                learn_rate=SETTINGS["learning_rate"],
                batch_size=SETTINGS["batch_size"],
                gradient_step=1,
                data_root=str(self.pictures),
                log_directory=str(self.folder / "log"),
                training_width=self.size,
                training_height=self.size,
                varsize=False,
                steps=self.steps + 1,
                clip_grad_mode="disabled",
                clip_grad_value="0.1",
                shuffle_tags=False,
                tag_drop_out=0,
                latent_sampling_method="deterministic",
                use_weight=False,
                create_image_every=0,
                save_embedding_every=0,
                template_filename=PROMPTS,
                save_image_with_stored_embedding=False,
                preview_from_txt2img=False,
                preview_prompt="",
                preview_negative_prompt="",
                preview_steps=20,
                preview_sampler_name="Euler a",
                preview_cfg_scale=7,
                preview_seed=-1,
                preview_width=self.size,
                preview_height=self.size,
            )
        if len(times) != self.steps + 1:
            raise RuntimeError(
                f"AUTOMATIC1111's trainer made {len(times)} of {self.steps + 1} steps; its log tells why."
            )
        return _differences(times)


@contextmanager
def _attention(*, optimized: bool) -> Iterator[None]:
    """The option *Use cross attention optimizations while training*, which is no matter of the trainer itself: the Train
    tab's button takes the optimizations off before it calls it, and puts them on again afterwards."""
    from modules import sd_hijack

    if not optimized:
        sd_hijack.undo_optimizations()
    try:
        yield
    finally:
        if not optimized:
            sd_hijack.apply_optimizations()


def _differences(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


def _start(webui: Path, folder: Path) -> None:
    (folder / "models" / "Stable-diffusion").mkdir(parents=True)
    os.chdir(webui)
    sys.path[:0] = [str(webui), str(CLONE)]
    sys.argv = ["webui.py", *ARGUMENTS.split(), "--data-dir", str(folder)]
    from modules import initialize, launch_utils  # noqa: F401  (the second reads the command line)

    initialize.imports()
    initialize.initialize()
    import torch

    torch.set_num_threads(1)


def _load(checkpoint: Path) -> Any:
    """Have the web UI load a file as its model; our adapter for it."""
    from modules import sd_models, shared

    info = sd_models.CheckpointInfo(str(checkpoint))
    info.register()
    shared.opts.data["sd_model_checkpoint"] = info.title
    sd_models.load_model(info)

    from textual_inversion.hosts.detect import detect

    return detect().host


def _random_sd15(webui: Path, folder: Path) -> Path:
    """A checkpoint made of the web UI's own configuration of SD 1.x. Layers that begin as zeros get noise too: with zeros
    nothing would reach the text encoder."""
    import torch
    from ldm.util import instantiate_from_config
    from modules import sd_disable_initialization
    from omegaconf import OmegaConf
    from safetensors.torch import save_file

    target = folder / "models" / "Stable-diffusion" / "random-sd15.safetensors"
    config = OmegaConf.load(webui / "configs" / "v1-inference.yaml")
    config.model.params.cond_stage_config.params = {"version": str(_text_encoder(folder / "text-encoder"))}
    OmegaConf.save(config, target.with_suffix(".yaml"))
    torch.manual_seed(0)
    with sd_disable_initialization.DisableInitialization(disable_clip=False):
        model = instantiate_from_config(config.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5, generator=generator)
            elif name.endswith("bias"):
                parameter.zero_()
    weights = {
        name for name, _ in model.named_parameters()
    }  # the rest are tables of the schedule: infinite in half precision
    halved = {name: tensor.half() if name in weights else tensor for name, tensor in model.state_dict().items()}
    save_file({name: tensor.contiguous() for name, tensor in halved.items()}, target)
    return target


def _text_encoder(folder: Path) -> Path:
    """Configuration and vocabulary of SD 1.x's text encoder, as Hugging Face's classes read them from a folder."""
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    CLIPTextModel(config).save_pretrained(folder, safe_serialization=False)
    tokenizer = SimpleTokenizer()
    words = [*list(tokenizer.encoder)[:-2], "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    merges = "\n".join(" ".join(pair) for pair in tokenizer.bpe_ranks)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77}))
    return folder


def _pictures(folder: Path, size: int) -> Path:
    from PIL import Image

    folder.mkdir()
    for index in range(4):
        picture = Image.radial_gradient("L").resize((size, size)).rotate(20 * index)
        picture.convert("RGB").save(folder / f"{index}.png")
    return folder


@contextmanager
def _repaired() -> Iterator[None]:
    """torch's ``Sampler`` takes no argument any more, and AUTOMATIC1111's gives it one."""
    from torch.utils.data import Sampler

    before = Sampler.__init__
    Sampler.__init__ = lambda self, *_: None
    try:
        yield
    finally:
        Sampler.__init__ = before


@contextmanager
def _timed() -> Iterator[list[float]]:
    """The CPU time after each optimiser step."""
    from torch.optim import AdamW

    times: list[float] = []
    before = AdamW.step

    def step(self: AdamW, *arguments: Any, **named: Any) -> Any:
        answer = before(self, *arguments, **named)
        times.append(time.process_time())
        return answer

    AdamW.step = step
    try:
        yield times
    finally:
        AdamW.step = before


if __name__ == "__main__":
    sys.exit(main())

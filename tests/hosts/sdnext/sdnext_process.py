"""An installed SD.Next, started inside this process, on the CPU, with a data folder of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tiny_diffusers import write_tiny_diffusers

VARIANTS = ("sd1", "sd2", "sd2-eps", "inpainting", "sdxl-wide")
"""Not the SDXL of narrow encoders: the web UI tells encoders apart by their widths."""

ARGUMENTS = "--skip-all --use-cpu all"
SETTINGS = {
    "offline_mode": True,
    "diffusers_pipeline": "Autodetect",
    "diffusers_offload_mode": "none",
    "show_progress_type": "None",
    "samples_save": False,
    "grid_save": False,
    "sd_checkpoint_autoload": False,
    "extra_networks_styles": False,
}


def start(webui: Path, folder: Path, settings: dict[str, Any] | None = None) -> None:
    """Import the web UI and have it list its models; none is loaded yet. Once a process."""
    models = folder / "models" / "Diffusers"
    models.mkdir(parents=True)
    checkpoints = folder / "tiny"
    checkpoints.mkdir()
    for variant in VARIANTS:
        write_tiny_diffusers(variant, checkpoints, models)
    (folder / "config.json").write_text(json.dumps({**SETTINGS, **(settings or {})}))
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", CUDA_VISIBLE_DEVICES="", PIP_NO_INDEX="1")
    os.chdir(webui)
    sys.path.insert(0, str(webui))
    sys.argv = ["launch.py", *ARGUMENTS.split(), "--data-dir", str(folder)]
    _launch()


def _launch() -> None:
    """As `launch.py` does it, up to the server."""
    import installer
    import launch

    launch.init_args()
    installer.args = launch.args
    installer.setup_logging(debug=False, trace=False, filename=None)
    installer.read_options()
    launch.args.quick = True
    installer.install_gradio()
    installer.check_torch()
    launch.init_paths()
    launch.args = installer.parse_args(launch.parser)
    import webui
    from modules.modeldata import model_data

    webui.start_common()
    model_data.locked = False  # as soon as the page is there


def load(variant: str) -> Any:
    """One of the tiny checkpoints, as the web UI loads it when it is chosen at the top of its page."""
    from modules import sd_checkpoint, sd_models, shared
    from modules.modeldata import model_data

    info = sd_checkpoint.get_closest_checkpoint_match(f"Diffusers/tiny-{variant}")
    assert info is not None, sorted(sd_checkpoint.checkpoint_aliases)
    shared.opts.data["sd_model_checkpoint"] = info.title
    sd_models.reload_model_weights(op="model", info=info)
    assert model_data.sd_model is not None
    _use_once(model_data.sd_model)
    return model_data.sd_model


def _use_once(pipe: Any) -> None:
    """Classes of transformers and the web UI's modules are completed by their first use."""
    import torch
    from modules import prompt_parser_diffusers

    with torch.no_grad():
        prompt_parser_diffusers.get_weighted_text_embeddings(pipe, "a cat", "", 1)


def parts() -> list[Any]:
    """The networks of the pipeline that is loaded."""
    from modules.modeldata import model_data

    pipe = model_data.sd_model
    names = ("unet", "vae", "text_encoder", "text_encoder_2")
    return [part for name in names if (part := getattr(pipe, name, None)) is not None]


def state() -> dict[str, object]:
    """What the web UI keeps in modules, classes and singletons."""
    import torch
    from modules import processing, processing_args, processing_diffusers, prompt_parser_diffusers, sd_vae, shared
    from modules.modeldata import model_data

    pipe = model_data.sd_model
    database = pipe.embedding_db
    return {
        "attention": id(torch.nn.functional.scaled_dot_product_attention),
        "processors": [
            id(module.processor) for part in parts() for module in part.modules() if hasattr(module, "processor")
        ],
        "options": sorted((key, repr(value)) for key, value in shared.opts.data.items()),
        "pipeline": id(pipe),
        "parts": {name: id(part) for name, part in pipe.components.items()},
        "pipeline's own": sorted(
            (key, repr(value)) for key, value in vars(pipe).items() if isinstance(value, (bool, int, float, str))
        ),
        "scheduler": repr(pipe.scheduler),
        "tokenizers": [
            (id(tokenizer), len(tokenizer), sorted(tokenizer.added_tokens_encoder.items()))
            for name in ("tokenizer", "tokenizer_2")
            if (tokenizer := getattr(pipe, name, None)) is not None
        ],
        "embeddings": {name: id(entry) for name, entry in database.word_embeddings.items()},
        "embeddings used": (id(database.embeddings_used), list(database.embeddings_used)),
        "prompts": (list(prompt_parser_diffusers.cache), prompt_parser_diffusers.last_attention),
        "parser": id(prompt_parser_diffusers.get_tokens),
        "set_prompt": id(processing_args.set_prompt),
        "last": (id(processing.processed), id(processing_diffusers.last_p)),
        "history": (shared.history.count, shared.history.index),
        "job": sorted((key, repr(value)) for key, value in vars(shared.state).items()),
        "jobs": len(shared.state.state_history),
        "command line": sorted((key, repr(value)) for key, value in vars(shared.cmd_opts).items()),
        "vae": (sd_vae.loaded_vae_file, pipe.vae.use_slicing, pipe.vae.use_tiling),
    }

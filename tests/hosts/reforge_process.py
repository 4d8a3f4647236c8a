"""An installed reForge or Forge Classic, started inside this process, on the CPU, with a data folder of its own.

Miniature checkpoints are of no shape that it knows, so it is given a full one (`--webui-checkpoint`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ARGUMENTS = (
    "--skip-prepare-environment --skip-torch-cuda-test --skip-version-check --skip-install --always-cpu --no-half "
    "--no-download-sd-model --disable-console-progressbars"
)


def start(webui: Path, folder: Path, checkpoint: Path) -> None:
    """Import the web UI and have it list its one model. Once a process."""
    models = folder / "models" / "Stable-diffusion"
    models.mkdir(parents=True)
    (models / checkpoint.name).symlink_to(checkpoint.resolve())
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    os.chdir(webui)
    sys.path.insert(0, str(webui))
    sys.argv = ["webui.py", *ARGUMENTS.split(), "--data-dir", str(folder)]
    from modules import launch_utils  # noqa: F401  (reads the command line)
    from modules_forge.initialization import initialize_forge

    initialize_forge()
    from modules import initialize

    initialize.imports()
    initialize.initialize()
    from modules import shared

    shared.opts.data["live_previews_enable"] = False  # its default wants a model from the net
    _register_networks()


def _register_networks() -> None:
    """As before the page is built: from then on prompts can name LoRAs."""
    from modules import extra_networks, script_callbacks

    extra_networks.initialize()
    getattr(extra_networks, "register_default_extra_networks", lambda: None)()
    script_callbacks.before_ui_callback()


def modules(model: Any) -> list[Any]:
    objects = model.forge_objects_original
    return [objects.unet.model.diffusion_model, objects.clip.cond_stage_model, objects.vae.first_stage_model]


def state(model: Any) -> dict[str, object]:
    """What the web UI keeps on the model, in modules, classes and singletons."""
    from ldm_patched.ldm.modules import attention
    from modules import processing, sd_hijack, shared

    hijack = sd_hijack.model_hijack
    return {
        "attention": (id(attention.optimized_attention), id(attention.optimized_attention_masked)),
        "options": sorted((key, repr(value)) for key, value in shared.opts.data.items()),
        "objects": [
            id(getattr(model, name))
            for name in ("forge_objects", "forge_objects_original", "forge_objects_after_applying_lora")
        ],
        "hijack": {key: id(value) for key, value in vars(hijack).items() if key in ("embedding_db", "clip", "layers")},
        "comments": (hijack.comments, hijack.extra_generation_params),
        "embeddings": {name: id(entry) for name, entry in hijack.embedding_db.word_embeddings.items()},
        "lookup": {token: len(entries) for token, entries in hijack.embedding_db.ids_lookup.items()},
        "fixes": hijack.fixes,
        "job": sorted((key, repr(value)) for key, value in vars(shared.state).items()),
        "command line": sorted((key, repr(value)) for key, value in vars(shared.cmd_opts).items()),
        "tensors": [id(tensor) for part in modules(model) for tensor in (*part.parameters(), *part.buffers())],
        "cached": [repr(getattr(processing.StableDiffusionProcessing, name)) for name in ("cached_c", "cached_uc")],
    }

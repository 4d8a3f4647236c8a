"""An installed AUTOMATIC1111, started inside this process, on the CPU, with a data folder of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from tiny_checkpoint import write_tiny_checkpoint
from tiny_sdxl import write_tiny_sdxl
from tiny_text_encoder import CONFIG, SD2_WIDTH, write_text_encoder_folder

OPEN_CLIP_NAME = "tiny-open-clip"
OPEN_CLIP = {
    "embed_dim": SD2_WIDTH,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": SD2_WIDTH, "heads": 2, "layers": 4},
}
ARGUMENTS = (
    "--skip-prepare-environment --skip-torch-cuda-test --skip-version-check --skip-load-model-at-start "
    "--no-download-sd-model --use-cpu all --no-half --precision full --disable-console-progressbars"
)


def start(webui: Path, folder: Path) -> None:
    """Import the web UI and have it list its models; none is loaded yet. Once a process."""
    models = folder / "checkpoints"
    models.mkdir(parents=True)
    _write_checkpoints(models, webui)
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    os.chdir(webui)
    sys.path.insert(0, str(webui))
    first = str(models / "tiny-sd1.safetensors")
    sys.argv = ["webui.py", *ARGUMENTS.split(), "--data-dir", str(folder), "--ckpt-dir", str(models), "--ckpt", first]
    from modules import initialize, launch_utils  # noqa: F401  (the second reads the command line)

    initialize.imports()
    initialize.initialize()


def load(family: str) -> Any:
    """The tiny checkpoint of a family, as the web UI loads it when one is chosen at the top of its page."""
    from modules import sd_models, shared

    info = sd_models.get_closet_checkpoint_match(f"tiny-{family}.safetensors")
    shared.opts.data["sd_model_checkpoint"] = info.title
    sd_models.reload_model_weights(shared.sd_model, info)
    return shared.sd_model


def _write_checkpoints(models: Path, webui: Path) -> None:
    import json

    import open_clip

    configs = models / "open_clip"
    configs.mkdir()
    (configs / f"{OPEN_CLIP_NAME}.json").write_text(json.dumps(OPEN_CLIP))
    open_clip.add_model_config(configs)
    write_tiny_checkpoint(models, "sd1")
    second = write_tiny_checkpoint(models, "sd2").with_suffix(".yaml")
    text = second.read_text().replace("layer: penultimate", f"layer: penultimate\n        arch: {OPEN_CLIP_NAME}")
    second.write_text(text)
    write_tiny_sdxl(models)
    _write_sdxl_config(models, webui)


def _write_sdxl_config(models: Path, webui: Path) -> None:
    """The web UI's own config of SDXL, with the tiny sizes."""
    import json

    from omegaconf import OmegaConf

    text_encoder = models / "tiny-sdxl-clip"
    write_text_encoder_folder(text_encoder)
    wide = {"hidden_size": SD2_WIDTH, "intermediate_size": 4 * SD2_WIDTH, "num_attention_heads": 2}
    (text_encoder / "config.json").write_text(json.dumps({**CONFIG, **wide, "projection_dim": SD2_WIDTH}))
    config = OmegaConf.load(webui / "repositories/generative-models/configs/inference/sd_xl_base.yaml")
    params = config.model.params
    params.network_config.params.update(
        adm_in_channels=SD2_WIDTH + 1536,
        model_channels=64,
        channel_mult=[1, 2, 2],
        num_res_blocks=1,
        attention_resolutions=[4, 2],
        transformer_depth=[1, 1, 2],
        context_dim=2 * SD2_WIDTH,
        spatial_transformer_attn_type="softmax",
        use_checkpoint=False,
    )
    first, second, *_ = params.conditioner_config.params.emb_models
    first.params.update(layer_idx=2, version=str(text_encoder))
    second.params.update(arch=OPEN_CLIP_NAME)
    shape = {"ch": 32, "ch_mult": [1, 1, 2, 2], "num_res_blocks": 1, "attn_type": "vanilla"}
    params.first_stage_config.params.ddconfig.update(shape)
    OmegaConf.save(config, models / "tiny-sdxl.yaml")

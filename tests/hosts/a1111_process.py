"""An installed AUTOMATIC1111, started inside this process, on the CPU, with a data folder of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tiny_sdxl import NARROW, WIDE, TextSizes
from tiny_text_encoder import CONFIG, SD2_LAYERS, SD2_WIDTH, write_text_encoder_folder
from tiny_variants import VARIANTS

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
    _register_networks()


def _register_networks() -> None:
    """As before the page is built: from then on prompts can name LoRAs."""
    from modules import extra_networks, script_callbacks

    extra_networks.initialize()
    extra_networks.register_default_extra_networks()
    script_callbacks.before_ui_callback()


def load(variant: str) -> Any:
    """One of the tiny checkpoints, as the web UI loads it when it is chosen at the top of its page."""
    from modules import sd_models, shared

    info = sd_models.get_closet_checkpoint_match(f"tiny-{variant}.safetensors")
    shared.opts.data["sd_model_checkpoint"] = info.title
    sd_models.reload_model_weights(shared.sd_model, info)
    return shared.sd_model


def _write_checkpoints(models: Path, webui: Path) -> None:
    import open_clip

    configs = models / "open_clip"
    configs.mkdir()
    for sizes, width, layers in ((NARROW, SD2_WIDTH, SD2_LAYERS), (WIDE, WIDE.second, WIDE.second_layers)):
        (configs / f"{_arch(sizes)}.json").write_text(json.dumps(_open_clip_config(width, layers)))
    open_clip.add_model_config(configs)
    written = [(variant, variant.write(models)) for variant in VARIANTS.values()]
    for variant, path in written:  # once all are there: some are made of others
        if variant.family == "sd2":
            _name_arch(path.with_suffix(".yaml"))
    for sizes in (NARROW, WIDE):
        _write_sdxl_config(models, webui, sizes)


def _arch(sizes: TextSizes) -> str:
    return f"{sizes.name}-open-clip"


def _open_clip_config(width: int, layers: int) -> dict[str, Any]:
    return {
        "embed_dim": width,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": width, "heads": width // 64, "layers": layers},
    }


def _name_arch(config: Path) -> None:
    """SD 2's encoder is that of the narrow SDXL."""
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("layer: penultimate", f"layer: penultimate\n        arch: {_arch(NARROW)}"))


def _write_sdxl_config(models: Path, webui: Path, sizes: TextSizes) -> None:
    """The web UI's own config of SDXL, with the tiny sizes."""
    from omegaconf import OmegaConf

    text_encoder = models / f"{sizes.name}-clip"
    write_text_encoder_folder(text_encoder)
    own = {
        "hidden_size": sizes.first,
        "intermediate_size": 4 * sizes.first,
        "num_attention_heads": sizes.first // 64,
        "num_hidden_layers": sizes.first_layers,
        "projection_dim": sizes.first,
    }
    (text_encoder / "config.json").write_text(json.dumps({**CONFIG, **own}))
    config = OmegaConf.load(webui / "repositories/generative-models/configs/inference/sd_xl_base.yaml")
    params = config.model.params
    params.network_config.params.update(
        adm_in_channels=sizes.second + 1536,
        model_channels=64,
        channel_mult=[1, 2, 2],
        num_res_blocks=1,
        attention_resolutions=[4, 2],
        transformer_depth=[1, 1, 2],
        context_dim=sizes.first + sizes.second,
        spatial_transformer_attn_type="softmax",
        use_checkpoint=False,
    )
    first, second, *_ = params.conditioner_config.params.emb_models
    first.params.update(layer_idx=sizes.first_layers - 1, version=str(text_encoder))
    second.params.update(arch=_arch(sizes))
    shape = {"ch": 32, "ch_mult": [1, 1, 2, 2], "num_res_blocks": 1, "attn_type": "vanilla"}
    params.first_stage_config.params.ddconfig.update(shape)
    OmegaConf.save(config, models / f"{sizes.name}.yaml")


def state() -> dict[str, object]:
    """What the web UI keeps in modules, classes and singletons."""
    import ldm.modules.attention
    import ldm.modules.diffusionmodules.model
    import sgm.modules.attention
    import sgm.modules.diffusionmodules.model
    from modules import devices, processing, sd_hijack, sd_unet, sd_vae, shared

    hijack = sd_hijack.model_hijack
    patched = [
        kind.forward
        for kind in (
            ldm.modules.attention.CrossAttention,
            sgm.modules.attention.CrossAttention,
            ldm.modules.diffusionmodules.model.AttnBlock,
            sgm.modules.diffusionmodules.model.AttnBlock,
        )
    ]
    return {
        "attention": [id(function) for function in patched] + [id(sd_hijack.current_optimizer)],
        "options": sorted((key, repr(value)) for key, value in shared.opts.data.items()),
        "hijack": {key: id(value) for key, value in vars(hijack).items() if key in ("embedding_db", "clip", "layers")},
        "tiling": hijack.circular_enabled,
        "comments": (hijack.comments, hijack.extra_generation_params),
        "embeddings": {name: id(entry) for name, entry in hijack.embedding_db.word_embeddings.items()},
        "lookup": {token: len(entries) for token, entries in hijack.embedding_db.ids_lookup.items()},
        "fixes": hijack.fixes,
        "job": sorted((key, repr(value)) for key, value in vars(shared.state).items()),
        "command line": sorted((key, repr(value)) for key, value in vars(shared.cmd_opts).items()),
        "precision": (devices.dtype_unet, devices.dtype_vae, devices.unet_needs_upcast),
        "cached": [
            repr(processing.StableDiffusionProcessing.cached_c),
            repr(processing.StableDiffusionProcessing.cached_uc),
        ],
        "unet": id(sd_unet.current_unet),
        "vae": (sd_vae.loaded_vae_file, id(sd_vae.base_vae), id(sd_vae.checkpoint_info)),
    }

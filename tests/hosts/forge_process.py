"""An installed Forge or Forge Neo, started inside this process, on the CPU, with a data folder of its own.

These web UIs know checkpoints by a list of shapes, each with a folder of configs. So that miniature ones can be loaded by their own
loader, their shapes are put on that list, with configs of their sizes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import tiny_checkpoint
from tiny_sdxl import NARROW, WIDE, TextSizes
from tiny_text_encoder import HEADS, LAYERS, SD2_LAYERS, SD2_WIDTH, WIDTH
from tiny_variants import VARIANTS

ARGUMENTS = "--skip-prepare-environment --skip-torch-cuda-test --skip-version-check --skip-install"
_FLAGS = {False: "--always-cpu --clip-in-fp32", True: "--cpu --skip-python-version-check --fp32-text-enc"}
"""Of Forge, of Neo. By themselves both keep text encoders in float16, which changes the tiny ones' weights."""

_VAE = {"block_out_channels": [32, 32, 64, 64], "layers_per_block": 1}
_HEADS_OF_64 = {"num_heads": -1, "num_head_channels": 64}


def is_neo(webui: Path) -> bool:
    return 'version = "neo"' in (webui / "modules_forge" / "forge_version.py").read_text(encoding="utf-8")


def start(webui: Path, folder: Path) -> None:
    """Import the web UI and have it list its models; none is loaded yet. Once a process."""
    for name in ("models/Stable-diffusion", "models/VAE", "tmp"):
        (folder / name).mkdir(parents=True)
    checkpoints = folder / "models" / "Stable-diffusion"
    tiny_checkpoint.write_text_encoder_folder = lambda folder: None  # the web UI has its own tokenizer
    for name in variants(webui):
        VARIANTS[name].write(checkpoints)
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    os.chdir(webui)
    sys.path.insert(0, str(webui))
    flags = f"{ARGUMENTS} {_FLAGS[is_neo(webui)]}"
    sys.argv = ["webui.py", *flags.split(), "--data-dir", str(folder)]
    from modules import launch_utils  # noqa: F401  (reads the command line)
    from modules_forge.initialization import initialize_forge

    initialize_forge()
    from modules import initialize

    initialize.imports()
    initialize.initialize()
    _register_networks()
    _know_tiny_shapes(webui, folder / "tiny-configs")


def variants(webui: Path) -> list[str]:
    """Names of the checkpoints that it can load: Neo has no SD 2."""
    return [name for name, variant in VARIANTS.items() if variant.family != "sd2" or not is_neo(webui)]


def _register_networks() -> None:
    """As before the page is built: from then on prompts can name LoRAs."""
    from modules import extra_networks, script_callbacks

    extra_networks.initialize()
    if hasattr(extra_networks, "register_default_extra_networks"):  # hypernetworks, which Neo has no more
        extra_networks.register_default_extra_networks()
    script_callbacks.before_ui_callback()


def load(variant: str) -> Any:
    """One of the tiny checkpoints, as the web UI loads it for a picture once it was chosen at the top of the page."""
    from modules import sd_models, shared
    from modules_forge import main_entry

    info = sd_models.get_closet_checkpoint_match(f"tiny-{variant}.safetensors")
    shared.opts.data["sd_model_checkpoint"] = info.title
    shared.opts.data["CLIP_stop_at_last_layers"] = 1  # as the references have it; Neo begins with 2
    _SD2_PREDICTS["now"] = VARIANTS[variant].prediction
    main_entry.refresh_model_loading_parameters()
    engine, new = sd_models.forge_model_reload()
    if new:
        _settle(engine)
    return engine


def _settle(engine: Any) -> None:
    """What the web UI changes with its first picture (a text encoder's tables become float32), and embeddings of tiny widths."""
    import torch

    for text in _text_engines(engine):
        wrapped = text.text_encoder.transformer.text_model.embeddings.token_embedding.wrapped
        text.embeddings.expected_shape = {768: 2048, 1280: 2048}.get(wrapped.weight.shape[1], -1)
    with torch.inference_mode():
        engine.get_learned_conditioning(_prompts(["a"]))
    apply_circular(engine)


def _prompts(texts: list[str]) -> Any:
    from modules.prompt_parser import SdConditioning

    return SdConditioning(texts, width=64, height=64)


def apply_circular(engine: Any) -> None:
    from modules_forge.utils import apply_circular_forge

    apply_circular_forge(engine, False)


def _text_engines(engine: Any) -> list[Any]:
    return [value for name, value in vars(engine).items() if name.startswith("text_processing_engine")]


def modules(engine: Any) -> list[Any]:
    objects = engine.forge_objects_original
    return [objects.unet.model.diffusion_model, objects.clip.cond_stage_model, objects.vae.first_stage_model]


def _know_tiny_shapes(webui: Path, folder: Path) -> None:
    from backend import loader
    from huggingface_guess import latent, model_list

    configs = Path(loader.__file__).parent / "huggingface"

    class TinyLatents(latent.SD15):
        def __init__(self) -> None:
            super().__init__()
            self.scale_factor = 0.25

    def add(like: str, name: str, **changes: Any) -> None:
        known = getattr(model_list, like)
        shape = {**known.unet_config, **changes.pop("unet")}
        repository = _configs(configs / known.huggingface_repo, folder / name, changes.pop("configs"))
        tiny = type(name, (known,), {"unet_config": shape, "huggingface_repo": str(repository), **changes})
        model_list.models.insert(0, tiny)
        for kind in loader.possible_models:
            if known in kind.matched_guesses:
                kind.matched_guesses = [*kind.matched_guesses, tiny]

    heads = {"num_heads": 4, "num_head_channels": -1}
    first = {"text_encoder": _clip(WIDTH, LAYERS, HEADS), "vae": {**_VAE, "scaling_factor": 0.25}}
    add("SD15", "TinySD15", unet={"context_dim": WIDTH, "model_channels": 32}, configs=first, latent_format=TinyLatents,
        unet_extra_config=heads)  # fmt: skip
    if hasattr(model_list, "SD20"):
        second = {"text_encoder": _clip(SD2_WIDTH, SD2_LAYERS - 1, SD2_WIDTH // 64), "vae": first["vae"]}
        sixteen = {"num_heads": -1, "num_head_channels": 16}
        add("SD20", "TinySD20", unet={"context_dim": SD2_WIDTH, "model_channels": 32}, configs=second, latent_format=TinyLatents,
            unet_extra_config=sixteen, model_type=_sd2_type)  # fmt: skip
    for sizes in (NARROW, WIDE):
        add("SDXL", "".join(sizes.name.title().split("-")), unet=_sdxl_shape(sizes), configs=_sdxl_configs(sizes))


_SD2_PREDICTS = {"now": "v_prediction"}


def _sd2_type(_guess: Any, state_dict: Any, prefix: str = "") -> Any:
    """The web UI guesses it from the size of one of the weights, which tiny ones do not tell."""
    from huggingface_guess import model_list

    return getattr(model_list.ModelType, "V_PREDICTION" if _SD2_PREDICTS["now"] == "v_prediction" else "EPS")


def _sdxl_shape(sizes: TextSizes) -> dict[str, Any]:
    return {
        "model_channels": 64,
        "transformer_depth": [0, 1, 2],
        "context_dim": sizes.first + sizes.second,
        "adm_in_channels": sizes.second + 1536,
    }


def _sdxl_configs(sizes: TextSizes) -> dict[str, dict[str, Any]]:
    return {
        "text_encoder": _clip(sizes.first, sizes.first_layers, sizes.first // 64),
        "text_encoder_2": _clip(sizes.second, sizes.second_layers, sizes.second // 64),
        "vae": _VAE,
    }


def _clip(width: int, layers: int, heads: int) -> dict[str, int]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "projection_dim": width,
    }


def _configs(real: Path, folder: Path, changes: dict[str, dict[str, Any]]) -> Path:
    """The web UI's own configs of that kind, with tiny sizes."""
    shutil.copytree(real, folder)
    for part, sizes in changes.items():
        path = folder / part / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **sizes}), encoding="utf-8")
    return folder


def state(engine: Any) -> dict[str, object]:
    """What the web UI keeps on the engine, in modules, classes and singletons."""
    from backend.nn import unet, vae
    from modules import processing, sd_models, shared

    functions = {
        (each.__name__, name): id(value)
        for each in (unet, vae)
        for name, value in vars(each).items()
        if "attention" in name
    }
    data = sd_models.model_data
    return {
        "attention": functions,
        "options": sorted((key, repr(value)) for key, value in shared.opts.data.items()),
        "engine": {name: _identity(value) for name, value in vars(engine).items()},
        "text": [{name: _identity(value) for name, value in vars(text).items()} for text in _text_engines(engine)],
        "lookups": [id(_lookup(text).embeddings) for text in _text_engines(engine)],
        "fixes": [text.embeddings.fixes for text in _text_engines(engine)],
        "embeddings": [
            {k: id(v) for k, v in text.embeddings.word_embeddings.items()} for text in _text_engines(engine)
        ],
        "tensors": [id(tensor) for part in modules(engine) for tensor in (*part.parameters(), *part.buffers())],
        "inference": [
            tensor.is_inference() for part in modules(engine) for tensor in (*part.parameters(), *part.buffers())
        ],
        "chosen": (id(data.sd_model), data.forge_hash, str(data.forge_loading_parameters)),
        "job": sorted((key, repr(value)) for key, value in vars(shared.state).items()),
        "command line": sorted((key, repr(value)) for key, value in vars(shared.cmd_opts).items()),
        "cached": [repr(getattr(processing.StableDiffusionProcessing, name)) for name in ("cached_c", "cached_uc")],
    }


def _lookup(text: Any) -> Any:
    return text.text_encoder.transformer.text_model.embeddings.token_embedding


def _identity(value: Any) -> object:
    return repr(value) if isinstance(value, (str, int, float, bool, list, dict, tuple, type(None))) else id(value)

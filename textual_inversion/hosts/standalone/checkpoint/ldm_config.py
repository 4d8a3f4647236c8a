"""The layout of a checkpoint as the LDM ``.yaml`` beside it tells it, with the text encoder's ``config.json``.

Only numbers and names are read. A ``target`` is never imported, an interpolation never resolved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ....core.base.errors import FileFormatError
from ....core.model.host import ModelFamily, PredictionType
from .detection import SCALE_FACTORS, Tensors, detect_family, text_from_tensors
from .layout import ModelLayout, ScheduleLayout, TextLayout, UNetLayout, VaeLayout
from .ldm_keys import UnetShape, VaeShape


class Section:
    """A part of the config; a value that is missing or of the wrong kind is an error that names its full path."""

    def __init__(self, values: object, path: str, file: Path) -> None:
        if not isinstance(values, Mapping):
            raise FileFormatError(f"{file.name}: {path or 'the file'} should hold settings.", field="checkpoint")
        self._values = values
        self.path = path
        self.file = file

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def section(self, *keys: str) -> Section:
        found = self
        for key in keys:
            found = Section(found._values.get(key), f"{found.path}.{key}".lstrip("."), self.file)
        return found

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        value = self._values.get(key, default)
        if kind is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise FileFormatError(
                f"{self.file.name}: {self.path}.{key} is {value!r}; {kind.__name__} was expected.", field="checkpoint"
            )
        return value

    def ints(self, key: str, length: int | None = None) -> tuple[int, ...]:
        """A list of integers, of ``length`` where that is given; a single one counts so many times."""
        value = self._values.get(key)
        if isinstance(value, int) and length is not None:
            return (value,) * length
        whole = isinstance(value, Sequence) and bool(value) and all(isinstance(item, int) for item in value)
        if not whole or (length is not None and len(value) != length):
            wanted = "a list of whole numbers" if length is None else f"a list of {length} whole numbers"
            raise FileFormatError(f"{self.file.name}: {self.path}.{key} is {value!r}; {wanted} was expected.")
        return tuple(value)


def config_beside(checkpoint: Path) -> Path | None:
    """The ``.yaml`` with the checkpoint's own name, where there is one."""
    path = checkpoint.with_suffix(".yaml")
    return path if path.is_file() else None


def layout_from_config(path: Path, tensors: Tensors) -> ModelLayout:
    """Read the config. The tensors tell the family, and the text encoder's sizes where no ``config.json`` does.

    Raises FileFormatError naming the setting that is wrong.
    """
    try:
        values = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (YAMLError, OmegaConfBaseException, OSError, ValueError) as error:
        raise FileFormatError(f"{path.name} is no readable config: {error}", field="checkpoint") from error
    params = Section(values, "", path).section("model", "params")
    family = detect_family(tensors)
    network = params.section("unet_config" if "unet_config" in params else "network_config", "params")
    return ModelLayout(
        family=family,
        unet=_unet(network),
        vae=_vae(params, family),
        text=_text(params, tensors, family),
        schedule=ScheduleLayout(
            linear_start=params.get("linear_start", float, 0.00085),
            linear_end=params.get("linear_end", float, 0.0120),
            timesteps=params.get("timesteps", int, 1000),
            zero_terminal_snr=params.get("zero_terminal_snr", bool, False),
        ),
        prediction=_prediction(params),
        image_size=params.get("image_size", int) if "image_size" in params else None,
    )


def _prediction(params: Section) -> PredictionType:
    if "denoiser_config" in params:  # SDXL's kind of config
        scaling = params.section("denoiser_config", "params", "scaling_config").get("target", str)
        return "v_prediction" if scaling.endswith("VScaling") else "epsilon"
    named = params.get("parameterization", str, "eps")
    if named not in ("eps", "v"):
        raise FileFormatError(f"{params.file.name}: parameterization {named!r} is not supported; eps and v are.")
    return "v_prediction" if named == "v" else "epsilon"


def _unet(unet: Section) -> UNetLayout:
    multiples = unet.ints("channel_mult")
    width = unet.get("model_channels", int)
    channels = tuple(width * multiple for multiple in multiples)
    attended = unet.ints("attention_resolutions")
    depth = unet.ints("transformer_depth", len(multiples)) if "transformer_depth" in unet else (1,) * len(multiples)
    shape = UnetShape(
        channels=channels,
        blocks=unet.get("num_res_blocks", int),
        depths=tuple(depth[level] if 2**level in attended else 0 for level in range(len(multiples))),
        middle_depth=unet.get("transformer_depth_middle", int, depth[-1]),
        labels="adm_in_channels" in unet,
    )
    context = unet.get("context_dim", int)
    return UNetLayout(
        shape=shape,
        in_channels=unet.get("in_channels", int),
        out_channels=unet.get("out_channels", int),
        heads=_heads(unet, channels),
        context_width=context,
        linear_projections=unet.get("use_linear_in_transformer", bool, False),
        label_width=unet.get("adm_in_channels", int) if shape.labels else None,
    )


def _heads(unet: Section, channels: tuple[int, ...]) -> tuple[int, ...]:
    per_head = unet.get("num_head_channels", int, -1)
    if per_head > 0:
        return tuple(max(1, width // per_head) for width in channels)
    return (unet.get("num_heads", int),) * len(channels)


def _vae(params: Section, family: ModelFamily) -> VaeLayout:
    stage = params.section("first_stage_config", "params")
    sizes = stage.section("ddconfig")
    latents, embedded = sizes.get("z_channels", int), stage.get("embed_dim", int)
    if latents != embedded:
        raise FileFormatError(
            f"{params.file.name}: a VAE with z_channels {latents} and embed_dim {embedded} is not supported."
        )
    width = sizes.get("ch", int)
    return VaeLayout(
        shape=VaeShape(
            channels=tuple(width * multiple for multiple in sizes.ints("ch_mult")),
            blocks=sizes.get("num_res_blocks", int),
        ),
        latent_channels=latents,
        scale_factor=params.get("scale_factor", float, SCALE_FACTORS[family]),
    )


def _text(params: Section, tensors: Tensors, family: ModelFamily) -> dict[str, TextLayout]:
    text = text_from_tensors(tensors, family)
    if "cond_stage_config" not in params or "params" not in params.section("cond_stage_config"):
        return text
    stage = params.section("cond_stage_config", "params")
    if family == "sd2" and "layer" in stage:
        output = stage.get("layer", str)
        if output not in ("last", "penultimate"):
            raise FileFormatError(
                f"{params.file.name}: {stage.path}.layer is {output!r}; last or penultimate was expected."
            )
        text = {key: replace(layout, output=output) for key, layout in text.items()}
    if family == "sd1" and "version" in stage:
        folder = _find_folder(stage.get("version", str), beside=params.file.parent)
        if folder is not None:
            text = {key: _from_folder(layout, folder) for key, layout in text.items()}
    return text


def _find_folder(version: str, *, beside: Path) -> Path | None:
    """The text encoder's folder: absolute, or relative to the yaml or to the working folder."""
    for folder in (beside / version, Path(version)):
        if (folder / "config.json").is_file():
            return folder
    return None


def _from_folder(layout: TextLayout, folder: Path) -> TextLayout:
    file = folder / "config.json"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{file} is no readable config: {error}", field="checkpoint") from error
    if isinstance(values, Mapping) and "text_config" in values and "hidden_size" not in values:
        values = values["text_config"]
    config = Section(values, "text encoder", file)
    activation = config.get("hidden_act", str, layout.activation)
    if activation not in ("quick_gelu", "gelu"):
        raise FileFormatError(f"{file}: hidden_act {activation!r} is not supported; quick_gelu and gelu are.")
    return replace(
        layout,
        width=config.get("hidden_size", int, layout.width),
        layers=config.get("num_hidden_layers", int, layout.layers),
        heads=config.get("num_attention_heads", int, layout.heads),
        inner_width=config.get("intermediate_size", int, layout.inner_width),
        positions=config.get("max_position_embeddings", int, layout.positions),
        vocabulary=config.get("vocab_size", int, layout.vocabulary),
        epsilon=config.get("layer_norm_eps", float, layout.epsilon),
        activation=activation,
        folder=folder,
    )

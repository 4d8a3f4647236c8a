"""What a checkpoint looks like: from its .yaml, from its tensors, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from safetensors.torch import load_file, save_file
from tiny_models import make_tiny_checkpoint, tiny_tensors

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.model.host import ModelFamily
from textual_inversion.hosts.standalone.checkpoint import ldm_keys
from textual_inversion.hosts.standalone.checkpoint.build import build_networks
from textual_inversion.hosts.standalone.checkpoint.detection import layout_from_tensors
from textual_inversion.hosts.standalone.checkpoint.ldm_config import layout_from_config
from textual_inversion.hosts.standalone.loading import LoadedModel, load_model

CPU = torch.device("cpu")
FAMILIES: list[ModelFamily] = ["sd1", "sd2", "sdxl"]


def load(path: Path) -> LoadedModel:
    return load_model(path, device=CPU, unet_dtype=torch.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_weights_are_those_that_diffusers_converts_to(family: ModelFamily, tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors", family=family)
    tensors = load_file(path)
    networks = build_networks(
        layout_from_config(path.with_suffix(".yaml"), tensors), dict(tensors), unet_dtype=torch.float32
    )
    expected = convert_ldm_unet_checkpoint(
        dict(tensors),
        {**networks.unet.config, "class_embed_type": "projection"} if family == "sdxl" else networks.unet.config,
    )
    assert_same(networks.unet.state_dict(), expected)
    vae = convert_ldm_vae_checkpoint(
        {k: v for k, v in tensors.items() if k.startswith("first_stage")}, networks.vae.config
    )
    assert_same(networks.vae.state_dict(), vae)


def assert_same(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        assert torch.equal(tensor, expected[name].reshape(tensor.shape)), name


def test_without_a_config_the_tensors_tell_the_same_but_for_heads(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors")
    tensors = load_file(path)
    told, guessed = layout_from_config(path.with_suffix(".yaml"), tensors), layout_from_tensors(tensors)
    assert guessed.unet.shape == told.unet.shape
    assert guessed.vae.shape == told.vae.shape
    assert guessed.unet.heads == (1, 1)
    assert told.unet.heads == (4, 4)
    assert told.vae.scale_factor == 0.25
    assert "heads of 64" in guessed.warnings[0]
    assert told.warnings == ()


def big_tensors(shape: ldm_keys.UnetShape, *, context: int, linear: bool) -> dict[str, torch.Tensor]:
    """Meta tensors of a full-size U-Net under LDM's names, with the smallest possible VAE and text encoder."""
    attends = [depth > 0 for depth in shape.depths]
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=shape.channels,
            down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
            up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
            cross_attention_dim=context,
            attention_head_dim=8,
            use_linear_projection=linear,
        )
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
        )
    weights, stage = unet.state_dict(), vae.state_dict()
    tensors = {ldm_keys.UNET_PREFIX + ldm: weights[name] for ldm, name in ldm_keys.unet_keys(shape).items()}
    tensors |= {ldm_keys.VAE_PREFIX + ldm: stage[name] for ldm, name in ldm_keys.vae_keys(ldm_keys.VaeShape()).items()}
    family: ModelFamily = "sd2" if linear else "sd1"
    return tensors | {k: v for k, v in tiny_tensors(family, False, 0).items() if k.startswith("cond_stage")}


@pytest.mark.parametrize("shape", [ldm_keys.SD1_UNET, ldm_keys.SDXL_UNET])
def test_names_of_full_size_unets_are_those_that_diffusers_gives(shape: ldm_keys.UnetShape) -> None:
    table = ldm_keys.unet_keys(shape)
    marks = {name: torch.tensor(float(number)) for number, name in enumerate(table)}
    settings = {"layers_per_block": shape.blocks, "addition_embed_type": "text_time" if shape.labels else None}
    converted = convert_ldm_unet_checkpoint({ldm_keys.UNET_PREFIX + k: v for k, v in marks.items()}, settings)
    assert {name: int(mark) for name, mark in converted.items()} == {name: i for i, name in enumerate(table.values())}


def test_sd15_and_sd2_are_known_by_their_shapes() -> None:
    sd1 = layout_from_tensors(big_tensors(ldm_keys.SD1_UNET, context=768, linear=False))
    assert sd1.unet.shape == ldm_keys.SD1_UNET
    assert sd1.unet.heads == (8, 8, 8, 8)
    assert (sd1.unet.context_width, sd1.unet.in_channels, sd1.unet.linear_projections) == (768, 4, False)
    assert sd1.vae.shape == ldm_keys.VaeShape()
    assert (sd1.vae.scale_factor, sd1.vae.factor, sd1.prediction, sd1.warnings) == (0.18215, 8, "epsilon", ())
    sd2 = layout_from_tensors(big_tensors(ldm_keys.SD2_UNET, context=1024, linear=True))
    assert sd2.unet.heads == (5, 10, 20, 20)
    assert (sd2.family, sd2.unet.linear_projections, sd2.prediction) == ("sd2", True, None)


def test_open_clips_projections_are_split_as_diffusers_splits_them() -> None:
    from transformers import CLIPTextConfig, CLIPTextModel

    from textual_inversion.hosts.standalone.checkpoint.open_clip_keys import open_clip_text_keys, split_tensors

    tensors = {
        k.removeprefix("cond_stage_model.model."): v
        for k, v in tiny_tensors("sd2", False, 0).items()
        if k.startswith("cond_stage")
    }
    ours = split_tensors(open_clip_text_keys(2), tensors)
    model = CLIPTextModel(
        CLIPTextConfig(hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=1)
    )
    theirs = convert_open_clip_checkpoint(model, dict(tensors), prefix="")
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs.get(name, theirs.get(f"text_model.{name}"))), name


def changed(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    return path


def test_a_missing_and_a_leftover_tensor_are_named(tmp_path: Path) -> None:
    gone = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_v.weight"
    path = changed(make_tiny_checkpoint(tmp_path / "m.safetensors"), lambda tensors: tensors.pop(gone))
    with pytest.raises(FileFormatError, match=gone):
        load(path)
    make_tiny_checkpoint(path)
    changed(path, lambda tensors: tensors.update({"model.diffusion_model.extra.weight": torch.ones(1)}))
    with pytest.raises(FileFormatError, match=r"layout does not know: model\.diffusion_model\.extra\.weight\."):
        load(path)


def test_harmless_extras_are_passed_over(tmp_path: Path) -> None:
    extras = {
        "model_ema.diffusion_modelinput_blocks00weight": torch.ones(1),
        "betas": torch.ones(1),
        "alphas_cumprod": torch.ones(1),
        "sqrt_recip_alphas_cumprod": torch.ones(1),
        "first_stage_model.loss.logvar": torch.ones(1),
        "cond_stage_model.logit_scale": torch.ones(1),
    }
    load(changed(make_tiny_checkpoint(tmp_path / "m.safetensors"), lambda tensors: tensors.update(extras)))


def test_a_shape_that_the_config_does_not_mean_is_named(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors")
    values = yaml.safe_load(path.with_suffix(".yaml").read_text())
    values["model"]["params"]["unet_config"]["params"]["context_dim"] = 48
    path.with_suffix(".yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(
        FileFormatError, match=r"U-Net, .*attn2\.to_k\.weight has shape \[32, 64\] in the file and \[32, 48\]"
    ):
        load(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("parameterization", "x0", "parameterization 'x0' is not supported"),
        ("timesteps", "many", r"model\.params\.timesteps is 'many'; int was expected"),
        ("unet_config", 3, r"model\.params\.unet_config should hold settings"),
        ("first_stage_config", None, r"first_stage_config should hold settings"),
    ],
)
def test_a_setting_that_is_wrong_is_named(key: str, value: object, message: str, tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors")
    values = yaml.safe_load(path.with_suffix(".yaml").read_text())
    values["model"]["params"][key] = value
    path.with_suffix(".yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(FileFormatError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("transformer_depth", [1], r"transformer_depth is \[1\]; a list of \d whole numbers was expected"),
        ("transformer_depth", [], r"transformer_depth is \[\]; a list of \d whole numbers"),
        ("channel_mult", [], r"channel_mult is \[\]; a list of whole numbers"),
        ("channel_mult", "1, 2", r"channel_mult is '1, 2'; a list of whole numbers"),
    ],
)
def test_a_list_of_another_length_is_named(key: str, value: object, message: str, tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors")
    values = yaml.safe_load(path.with_suffix(".yaml").read_text())
    values["model"]["params"]["unet_config"]["params"][key] = value
    path.with_suffix(".yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(FileFormatError, match=message):
        load(path)


def test_a_yaml_that_would_build_objects_builds_none(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors")
    path.with_suffix(".yaml").write_text("model: !!python/object/apply:os.mkdir ['called']\n")
    with pytest.raises(FileFormatError, match="no readable config"):
        load(path)
    assert not Path("called").exists()


def test_the_config_decides_schedule_prediction_and_sizes(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors", prediction="v_prediction")
    values = yaml.safe_load(path.with_suffix(".yaml").read_text())
    values["model"]["params"] |= {"linear_end": 0.02, "timesteps": 500}
    path.with_suffix(".yaml").write_text(yaml.safe_dump(values))
    model = load(path)
    assert model.schedule.prediction_type == "v_prediction"
    assert model.schedule.alphas_cumprod.shape == (500,)
    assert model.schedule.alphas_cumprod[0].item() == pytest.approx(1 - 0.00085)
    assert model.layout.text["clip_l"].heads == 4
    assert model.layout.native_size("epsilon") == 64


def test_the_text_encoders_folder_may_be_absolute_or_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors")
    folder = (tmp_path / "m-text-encoder").rename(tmp_path / "elsewhere")
    assert load(path).layout.text["clip_l"].heads == 1
    text = path.with_suffix(".yaml").read_text().replace("m-text-encoder", str(folder))
    path.with_suffix(".yaml").write_text(text)
    assert load(path).layout.text["clip_l"].heads == 4
    (tmp_path / "work").mkdir()
    folder.rename(tmp_path / "work" / "m-text-encoder")
    path.with_suffix(".yaml").write_text(text.replace(str(folder), "m-text-encoder"))
    monkeypatch.chdir(tmp_path / "work")
    assert load(path).layout.text["clip_l"].heads == 4


def test_other_kinds_of_files_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"lora_unet_x.lora_up.weight": torch.ones(2, 2)}, path)
    with pytest.raises(FileFormatError, match="no Stable Diffusion checkpoint"):
        load(path)
    make_tiny_checkpoint(path, config=False)
    changed(path, lambda t: [t.pop(name) for name in list(t) if name.startswith("cond_stage_model")])
    with pytest.raises(FileFormatError, match="has no text encoder"):
        load(path)


def test_old_merges_without_text_model_in_their_names_load(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors", config=False)
    expected = load(path).encoders["clip_l"].table().sum()
    tensors = {name.replace(".text_model.", "."): tensor for name, tensor in load_file(path).items()}
    save_file(tensors, path)
    assert load(path).encoders["clip_l"].table().sum() == expected


def test_sd2_without_a_config_asks_the_unet_what_it_predicts(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors", family="sd2", config=False)
    assert load(path).schedule.prediction_type == "epsilon"
    changed(path, lambda tensors: tensors["model.diffusion_model.out.2.bias"].sub_(3))
    assert load(path).schedule.prediction_type == "v_prediction"

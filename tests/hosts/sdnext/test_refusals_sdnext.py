"""Models of a real SD.Next that cannot be lent: a sentence each, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from host_bench import Bench, differences

from textual_inversion.core.base.errors import LeaseError
from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.hosts.swapped import swapped

pytestmark = pytest.mark.host


def refused(bench: Bench, sentence: str) -> None:
    before = bench.fingerprint()
    with pytest.raises(LeaseError, match=sentence), bench.host.lease(LeaseRequest()):
        pass
    assert differences(before, bench.fingerprint()) == {}


@contextmanager
def option(**values: Any) -> Iterator[None]:
    from modules import shared

    before = dict(shared.opts.data)
    shared.opts.data.update(values)
    try:
        yield
    finally:
        shared.opts.data.clear()
        shared.opts.data.update(before)


def test_no_checkpoint(sd1: Bench) -> None:
    from modules.modeldata import model_data

    with swapped(model_data, sd_model=None, locked=True):
        with pytest.raises(LeaseError, match="no checkpoint loaded"), sd1.host.lease(LeaseRequest()):
            pass
        assert sd1.host.model_shape() is None
        assert sd1.host.native_size == 512
        assert sd1.host.count_tokens("a cat") is None


def test_quantised(sd1: Bench) -> None:
    unet = sd1.modules()[0]
    with swapped(unet, quantization_method="SDNQ"):
        refused(sd1, r"quantised \(SDNQ\).*Model Quantization")
    weight = next(unet.parameters())
    plain = weight.data
    weight.data = plain.to(torch.float8_e4m3fn)
    try:
        refused(sd1, r"quantised \(float8_e4m3fn\)")
    finally:
        weight.data = plain


def test_compiled(sd1: Bench) -> None:
    with option(cuda_compile=["Model"], cuda_compile_backend="inductor"):
        refused(sd1, "compiles the model")
    with swapped(sd1.modules()[0], _compiled_call_impl=print):
        refused(sd1, "compiles the model")


def test_openvino(sd1: Bench) -> None:
    from modules import devices

    with swapped(devices, backend="openvino"):
        refused(sd1, "OpenVINO")


def test_a_parser_that_cannot_be_batched(sd1: Bench) -> None:
    with option(prompt_attention="xhinker"):
        refused(sd1, "Choose native")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("OnnxStableDiffusionPipeline", "ONNX"),
        ("FluxPipeline", r"of another kind \(FluxPipeline\)"),
        ("StableDiffusion3Pipeline", "SD 1.x, SD 2.x and SDXL"),
    ],
)
def test_other_pipelines(sd1: Bench, kind: str, sentence: str) -> None:
    from modules.modeldata import model_data

    other = type(kind, (), {})()
    with (
        swapped(model_data, sd_model=other),
        pytest.raises(LeaseError, match=sentence),
        sd1.host.lease(LeaseRequest()),
    ):
        pass


def test_other_predictions(sd1: Bench) -> None:
    from modules.modeldata import model_data

    config = model_data.sd_model.default_scheduler.config
    with swapped(
        model_data.sd_model,
        default_scheduler=type("Flow", (), {"config": {**config, "prediction_type": "flow_prediction"}})(),
    ):
        refused(sd1, "predicts 'flow_prediction'")


def test_special_inputs(sd1: Bench) -> None:
    unet = sd1.modules()[0]
    before = unet.config
    unet.register_to_config(in_channels=8)
    try:
        refused(sd1, "reads 8 channels")
    finally:
        unet._internal_dict = before


def test_another_precision(sd1: Bench) -> None:
    with (
        pytest.raises(LeaseError, match="runs this model in float32, not in float16"),
        sd1.host.lease(LeaseRequest(precision="float16")),
    ):
        pass

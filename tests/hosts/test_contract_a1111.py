"""The adapter inside a real AUTOMATIC1111 does what every host has to do, and what only that one asks for.

<the web UI's Python> -m pytest tests/hosts/test_contract_a1111.py --webui-dir <its folder>
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from host_bench import Bench, differences, work
from host_contract import HostContract
from tiny_variants import VARIANTS

from textual_inversion.core.control import Control
from textual_inversion.core.errors import LeaseError
from textual_inversion.core.host import LeaseRequest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def load(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Loads the tiny checkpoint of that name into the web UI and returns the model."""
    folder = request.config.getoption("--webui-dir")
    if not folder:
        pytest.skip("no --webui-dir")
    sys.path.insert(0, str(Path(__file__).parent))
    import a1111_process

    a1111_process.start(Path(folder).resolve(), tmp_path_factory.mktemp("a1111"))
    return a1111_process.load


@pytest.fixture(scope="module")
def webui(load: Callable[[str], Any]) -> Any:
    from textual_inversion.hosts.detect import detect

    return detect()


@pytest.fixture(scope="module", params=VARIANTS)
def bench(
    request: pytest.FixtureRequest, load: Callable[[str], Any], webui: Any, tmp_path_factory: pytest.TempPathFactory
) -> Bench:
    model = load(request.param)
    folder = tmp_path_factory.mktemp("run")
    return Bench(host=webui.host, variant=request.param, folder=folder, modules=lambda: [model], state=_state)


@pytest.fixture
def sd1(load: Callable[[str], Any], webui: Any, tmp_path: Path) -> Bench:
    model = load("sd1")
    return Bench(host=webui.host, variant="sd1", folder=tmp_path, modules=lambda: [model], state=_state)


def _state() -> dict[str, object]:
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
        "vae": sd_vae.loaded_vae_file,
    }


class TestA1111(HostContract):
    pass


def test_a_refresh_of_the_cards_in_the_middle_does_not_matter(sd1: Bench) -> None:
    from modules import sd_hijack

    live = sd1.live()
    model = sd1.modules()[0]
    process = model.cond_stage_model.process_tokens

    def refreshed(*arguments: Any) -> Any:
        sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)
        return process(*arguments)

    with sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        undisturbed = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        model.cond_stage_model.process_tokens = refreshed
        try:
            disturbed = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
        finally:
            del model.cond_stage_model.process_tokens
        after = lease.encode_prompts(["a tix3"], embeddings=live, width=64, height=64)
    assert torch.equal(undisturbed.context, disturbed.context)
    assert torch.equal(undisturbed.context, after.context)
    assert disturbed.inserted == (3,)


def test_another_choice_of_checkpoint_or_vae_is_told_and_clip_skip_is_pinned(sd1: Bench) -> None:
    from modules import sd_models, shared

    live = sd1.live()
    data = shared.opts.data
    before = dict(data)
    with sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        first = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
        data["CLIP_stop_at_last_layers"] = 2
        pinned = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
        assert data["CLIP_stop_at_last_layers"] == 2
        assert torch.equal(first.context, pinned.context)
        data["sd_model_checkpoint"] = sd_models.get_closet_checkpoint_match("tiny-sd2").title
        with pytest.raises(LeaseError, match="Another checkpoint was chosen .tiny-sd2 in place of tiny-sd1"):
            lease.check()
        data["sd_model_checkpoint"] = before["sd_model_checkpoint"]
        lease.check()
        data["sd_vae"] = "other.pt"
        with pytest.raises(LeaseError, match="Another VAE was chosen"):
            lease.check()
    data.update(before)
    data["CLIP_stop_at_last_layers"] = 2
    with sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
        skipped = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
    with sd1.host.lease(LeaseRequest(clip_skip=1)) as lease, torch.no_grad():
        asked = lease.encode_prompts(["tix3"], embeddings=live, width=64, height=64)
    data.update(before)
    assert not torch.allclose(first.context, skipped.context)
    assert torch.equal(first.context, asked.context)


def test_models_that_cannot_be_trained_are_refused_with_a_sentence(sd1: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import devices, shared

    def refusal(**request: Any) -> str:
        with pytest.raises(LeaseError) as raised, sd1.host.lease(LeaseRequest(**request)):
            pass
        return raised.value.message

    assert "runs this model in float32, not in float16" in refusal(precision="float16")
    with monkeypatch.context() as patch:
        patch.setattr(shared.cmd_opts, "lowvram", True)
        assert "--medvram instead" in refusal()
    with monkeypatch.context() as patch:
        patch.setattr(devices, "fp8", True)
        assert "8 bits" in refusal()
    with monkeypatch.context() as patch:
        patch.setattr(sd1.modules()[0], "is_sd3", True)
        assert "Stable Diffusion 3" in refusal()


def test_what_medvram_does_is_suspended_and_comes_back(sd1: Bench) -> None:
    """On a CPU nothing moves, but its hooks are the same."""
    from modules import lowvram

    model = sd1.modules()[0]
    live = sd1.live()
    encode, decode = model.first_stage_model.encode, model.first_stage_model.decode
    hooked = [model.cond_stage_model.wrapped.transformer, model.model, model.first_stage_model]
    kept = [dict(part._forward_pre_hooks) for part in hooked]
    original = model.cond_stage_model.transformer if hasattr(model.cond_stage_model, "transformer") else None
    model.cond_stage_model.transformer = model.cond_stage_model.wrapped.transformer
    try:
        lowvram.setup_for_low_vram(model, True)
        before = sd1.fingerprint()
        with sd1.host.lease(LeaseRequest()) as lease:
            assert not model.model._forward_pre_hooks
            assert not model.cond_stage_model.wrapped.transformer._forward_pre_hooks
            work(lease, live)
        after = sd1.fingerprint()
        assert differences(before, after) == {}
        assert model.model._forward_pre_hooks
    finally:
        if original is None:
            del model.cond_stage_model.transformer
        for part, hooks in zip(hooked, kept, strict=True):
            part._forward_pre_hooks.clear()
            part._forward_pre_hooks.update(hooks)
        del model.first_stage_model.encode, model.first_stage_model.decode
        assert (model.first_stage_model.encode, model.first_stage_model.decode) == (encode, decode)
        model.lowvram = False
        lowvram.module_in_gpu = None


def test_an_interrupt_is_latched(webui: Any) -> None:
    from modules import shared

    control, seen = Control(), []
    with webui.watch(seen.append, control):
        shared.state.interrupt()
        shared.state.interrupted = False  # as any request that ends does
        assert control.interrupted.is_set()
    assert "interrupt" not in vars(shared.state)
    shared.state.interrupt()
    assert shared.state.interrupted
    shared.state.interrupted = False


def test_a_reload_of_the_page_does_not_end_a_run(webui: Any) -> None:
    from modules import shared

    control = Control()
    button = shared.state.request_restart  # taken when the page was built
    with webui.watch(lambda _: None, control):
        button()
        assert not control.interrupted.is_set()
        assert not shared.state.interrupted
    assert shared.state.wait_for_server_command(timeout=0) == "restart"


def test_the_gate_is_the_web_uis_queue_and_shows_a_job(webui: Any) -> None:
    from modules import call_queue, progress, shared

    order: list[str] = []
    with webui.gate:
        assert not call_queue.queue_lock.acquire(blocking=False)
        assert progress.current_task == shared.state.job
        assert shared.state.job.startswith("task(textual-inversion-")
        other = threading.Thread(target=lambda: _through(call_queue.queue_lock, order))
        other.start()
        order.append("ours")
    other.join(5)
    assert order == ["ours", "theirs"]
    assert (shared.state.job, progress.current_task) == ("", None)
    assert not [task for task in progress.pending_tasks if "textual" in task]


def _through(lock: Any, order: list[str]) -> None:
    with lock:
        order.append("theirs")


def test_loras_of_the_last_picture_are_taken_out(sd1: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the web UI's own Lora extension where it is there; its layers restore themselves only when they run."""
    networks = sys.modules.get("networks")
    if networks is None:
        pytest.skip("the Lora extension is not loaded")
    layer = sd1.modules()[0].model.diffusion_model.time_embed[0]
    layer.network_layer_name = getattr(layer, "network_layer_name", "diffusion_model_time_embed_0")
    weight = layer.weight.detach().clone()
    layer.network_weights_backup, layer.network_bias_backup = weight.clone(), layer.bias.detach().clone()
    layer.network_current_names = (("left over", 1.0, 1.0, None),)
    with torch.no_grad():
        layer.weight.add_(1)
    with sd1.host.lease(LeaseRequest()):
        assert torch.equal(layer.weight, weight)
    assert torch.equal(layer.weight, weight)


@pytest.fixture
def logins(webui: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from modules import shared

    from textual_inversion.hosts.a1111.login import Login

    monkeypatch.setattr(shared.cmd_opts, "api_auth", "api:one,other:two")
    monkeypatch.setattr(shared.cmd_opts, "gradio_auth", "page:three")
    return Login()


@pytest.mark.parametrize(
    ("headers", "cookies", "admitted"),
    [
        ({}, {}, False),
        ({"authorization": "Basic YXBpOm9uZQ=="}, {}, True),
        ({"authorization": "Basic cGFnZTp0aHJlZQ=="}, {}, True),
        ({"authorization": "Basic YXBpOnR3bw=="}, {}, False),
        ({"authorization": "Basic !"}, {}, False),
        ({"authorization": "Bearer YXBpOm9uZQ=="}, {}, False),
        ({}, {"access-token": "known"}, True),
        ({}, {"access-token-unsecure": "known"}, True),
        ({}, {"access-token": "guessed"}, False),
        ({}, {"other": "known"}, False),
    ],
)
def test_the_login_admits(logins: Any, headers: dict[str, str], cookies: dict[str, str], admitted: bool) -> None:
    class Request:
        app = type("App", (), {"tokens": {"known": "page"}})()

    request = Request()
    request.headers, request.cookies = headers, cookies  # type: ignore[attr-defined]
    assert logins.admits(request) is admitted


def test_without_a_login_everyone_is_admitted(webui: Any) -> None:
    assert webui.admits(object())

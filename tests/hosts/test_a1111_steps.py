"""name@step in the prompts of a real AUTOMATIC1111: wherever its prompt language lets a name stand."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.record.kept_steps import StepCopies

pytestmark = pytest.mark.host


@pytest.fixture(params=["sd1", "sdxl"])
def model(request: pytest.FixtureRequest, load: Callable[[str], Any]) -> Any:
    return load(request.param)


@pytest.fixture
def run(model: Any, webui: Any, tmp_path: Path) -> Iterator[Path]:
    """The folder of a run of ``thing`` that kept the steps 150 and 1500; prompts know both as copy150 and copy1500 too."""
    from modules import sd_hijack

    from textual_inversion.hosts.hijacked_text.encoders import encoders_of

    widths = {key: encoder.width for key, encoder in encoders_of(model)[1].items()}
    suffix = ".pt" if len(widths) == 1 else ".safetensors"
    folder, written = tmp_path / "log" / "2024-01-01" / "thing", []
    for step in (150, 1500):
        _write(folder / "embeddings" / f"thing-{step}{suffix}", widths, step)
        written.append(webui.host.embeddings_dir / f"copy{step}{suffix}")
        _write(written[-1], widths, step)
    written.append(webui.host.embeddings_dir / f"thing{suffix}")
    shutil.copy(written[1], written[2])
    _write(folder / "embeddings" / "thing-7.pt", {"clip_x": 8}, 7)
    (folder / "run.json").write_text(json.dumps({"config": {"name": "thing"}}))
    webui.host.publish(written[-1])
    yield folder
    for path in written:
        path.unlink()
    sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)


@pytest.fixture
def steps(run: Path) -> Iterator[Any]:
    from modules import processing, sd_hijack_clip

    from textual_inversion.hosts.hijacked_text.step_prompts import StepPrompts

    kinds = sd_hijack_clip.TextConditionalModel, processing.StableDiffusionProcessing
    before = [dict(vars(kind)) for kind in kinds]
    prompts = StepPrompts(StepCopies(lambda: [run.parents[1]]))
    yield prompts
    prompts.remove()
    assert [dict(vars(kind)) for kind in kinds] == before


def _write(path: Path, widths: dict[str, int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors = {key: torch.randn(2, width, generator=generator) for key, width in widths.items()}
    if len(vectors) == 1:
        vectors = {"*": next(iter(vectors.values()))}
    write_embedding(Embedding(vectors=vectors, step=seed), path)


def _conditions(model: Any, prompt: str) -> list[tuple[int, torch.Tensor]]:
    """Every stage of the prompt's schedule: until which sampling step, and what the U-Net is told."""
    from modules import devices, prompt_parser

    prompts = prompt_parser.SdConditioning([prompt], width=64, height=64)
    with torch.no_grad(), devices.autocast():
        multi = prompt_parser.get_multicond_learned_conditioning(model, prompts, 10)
    stages = [stage for part in multi.batch[0] for stage in part.schedules]
    return [
        (stage.end_at_step, stage.cond["crossattn"] if isinstance(stage.cond, dict) else stage.cond) for stage in stages
    ]


@pytest.mark.parametrize(
    ("prompt", "same"),
    [
        ("a thing@150", "a copy150"),
        ("THING@1500, red", "copy1500, red"),
        ("thing@150 and thing@1500", "copy150 and copy1500"),
        ("(thing@150:1.3) BREAK [thing@1500]", "(copy150:1.3) BREAK [copy1500]"),
        ("[thing@150:thing@1500:0.5] in snow", "[copy150:copy1500:0.5] in snow"),
        ("[thing@150|cat] AND thing@1500 :0.7", "[copy150|cat] AND copy1500 :0.7"),
        ("word " * 73 + "thing@150", "word " * 73 + "copy150"),
    ],
)
def test_a_step_is_its_copy(model: Any, steps: Any, prompt: str, same: str) -> None:
    found, wanted = _conditions(model, prompt), _conditions(model, same)
    assert [end for end, _ in found] == [end for end, _ in wanted]
    assert all(torch.equal(one, other) for (_, one), (_, other) in zip(found, wanted, strict=True))


def test_the_token_counter_counts_the_vectors_and_is_silent(steps: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from modules import sd_hijack

    hijack = sd_hijack.model_hijack
    hijack.clear_comments()
    assert hijack.get_prompt_lengths("a thing@150")[0] == 3
    hijack.get_prompt_lengths("a thing@15")
    assert hijack.comments == []
    assert "thing@15" not in capsys.readouterr().out


def _picture(prompt: str, **options: Any) -> Any:
    from modules import processing

    from textual_inversion.hosts.webui_page.options import options_set

    wanted = {"sampler_name": "Euler", "steps": 2, "seed": 1, "width": 64, "height": 64}
    unsaved = {"do_not_save_samples": True, "do_not_save_grid": True}
    p = processing.StableDiffusionProcessingTxt2Img(prompt=prompt, **wanted, **unsaved, **options)
    with closing(p), options_set(live_previews_enable=False):  # they would fetch a network for SDXL's
        return processing.process_images(p)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def test_an_unknown_step_is_words_and_told_under_the_picture(steps: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = _picture("a thing@15 and thing@7")
    assert made.images
    printed = capsys.readouterr().out
    for sentence in ("thing@15: no copy of step 15 was found", "There are 7, 150, 1500", "another kind of model"):
        assert sentence in made.comments
        assert printed.count(sentence) == 1
    assert "TI hashes" not in made.infotexts[0]


def test_infotexts_hold_the_hash_each_time_also_of_the_second_pass(steps: Any, run: Path) -> None:
    copies = {step: _hash(next((run / "embeddings").glob(f"thing-{step}.*"))) for step in (150, 1500)}
    for _ in range(2):  # the second time its conditioning would be there already
        made = _picture("a thing@150", n_iter=2, negative_prompt="thing@1500")
        hashes = made.infotexts[-1].split('TI hashes: "')[1].split('"')[0]
        assert sorted(hashes.split(", ")) == sorted(f"thing@{step}: {digits}" for step, digits in copies.items())
    large = _picture(
        "a thing@150",
        enable_hr=True,
        hr_scale=2,
        hr_upscaler="Latent",
        denoising_strength=0.5,
        hr_prompt="thing@1500 thing@3",
    )
    assert f"thing@1500: {copies[1500]}" in large.infotexts[0]
    assert "thing@3: no copy" in large.comments


def test_a_changed_copy_is_read_again(steps: Any, run: Path) -> None:
    first, second = (next((run / "embeddings").glob(f"thing-{step}.*")) for step in (150, 1500))
    old = _picture("a thing@150").images[0].tobytes()
    shutil.copy(second, first)
    assert _picture("a thing@150").images[0].tobytes() == _picture("a thing@1500").images[0].tobytes() != old


def test_one_job_encodes_a_prompt_once(steps: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import prompt_parser

    encoded: list[Any] = []
    first = prompt_parser.get_learned_conditioning
    monkeypatch.setattr(
        prompt_parser,
        "get_learned_conditioning",
        lambda *given, **named: encoded.append(given[1]) or first(*given, **named),
    )
    _picture("a thing@150", n_iter=3)
    assert encoded.count(["a thing@150"]) == 1


def test_without_a_reference_nothing_is_looked_for(run: Path, model: Any) -> None:
    from textual_inversion.hosts.hijacked_text.step_prompts import StepPrompts

    def forbidden() -> list[Path]:
        raise AssertionError("looked for runs")

    prompts = StepPrompts(StepCopies(forbidden))
    try:
        _conditions(model, "thing, me@home (copy150:1.2)")
    finally:
        prompts.remove()

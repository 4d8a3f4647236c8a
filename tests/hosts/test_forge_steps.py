"""name@step in the prompts of a real Forge or Forge Neo: wherever its prompt language lets a name stand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.core.record.kept_steps import StepCopies

pytestmark = pytest.mark.host


@pytest.fixture(params=["sd1", "sdxl"])
def engine(request: pytest.FixtureRequest, forge_process: ModuleType) -> Any:
    return forge_process.load(request.param)


@pytest.fixture
def run(engine: Any, forge: Any, tmp_path: Path) -> Iterator[Path]:
    """The folder of a run of ``thing`` that kept the steps 150 and 1500; prompts know both as copy150 and copy1500 too."""
    from textual_inversion.hosts.forge.text.encoders import encoders_of, text_engines

    for text in text_engines(engine):
        text.embeddings.expected_shape = -1
    widths = {key: encoder.width for key, encoder in encoders_of(engine)[1].items()}
    suffix = ".pt" if len(widths) == 1 else ".safetensors"
    folder, written = tmp_path / "log" / "2024-01-01" / "thing", []
    for step in (150, 1500):
        _write(folder / "embeddings" / f"thing-{step}{suffix}", widths, step)
        written.append(forge.host.embeddings_dir / f"copy{step}{suffix}")
        _write(written[-1], widths, step)
    written.append(forge.host.embeddings_dir / f"thing{suffix}")
    shutil.copy(written[1], written[2])
    (folder / "run.json").write_text(json.dumps({"config": {"name": "thing"}}))
    forge.host.publish(written[-1])
    yield folder
    for path in written:
        path.unlink()
    forge.host.publish(written[-1])


@pytest.fixture
def steps(engine: Any, run: Path) -> Iterator[Any]:
    from modules import processing

    from textual_inversion.hosts.forge.text.encoders import text_engines
    from textual_inversion.hosts.forge.text.step_prompts import StepPrompts

    kinds = [processing.StableDiffusionProcessing, *{type(text) for text in text_engines(engine)}]
    before = [_functions(kind) for kind in kinds]
    prompts = StepPrompts(StepCopies(lambda: [run.parents[1]]))
    yield prompts
    prompts.remove()
    assert [_functions(kind) for kind in kinds] == before


def _functions(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if callable(value)}


def _write(path: Path, widths: dict[str, int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors = {key: torch.randn(2, width, generator=generator) for key, width in widths.items()}
    if len(vectors) == 1:
        vectors = {"*": next(iter(vectors.values()))}
    write_embedding(Embedding(vectors=vectors, step=seed), path)


def _conditions(engine: Any, prompt: str) -> list[tuple[int, torch.Tensor]]:
    """Every stage of the prompt's schedule: until which sampling step, and what the U-Net is told."""
    from modules import prompt_parser

    prompts = prompt_parser.SdConditioning([prompt], width=64, height=64)
    with torch.inference_mode():
        multi = prompt_parser.get_multicond_learned_conditioning(engine, prompts, 10)
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
def test_a_step_is_its_copy(engine: Any, steps: Any, prompt: str, same: str) -> None:
    found, wanted = _conditions(engine, prompt), _conditions(engine, same)
    assert [end for end, _ in found] == [end for end, _ in wanted]
    assert all(torch.equal(one, other) for (_, one), (_, other) in zip(found, wanted, strict=True))


def test_the_token_counter_counts_the_vectors_and_is_silent(
    engine: Any, steps: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.comments = []
    assert engine.get_prompt_lengths_on_ui("a thing@150")[0] == 3
    engine.get_prompt_lengths_on_ui("a thing@15")
    assert engine.comments == []
    assert "thing@15" not in capsys.readouterr().out


def _picture(prompt: str, **options: Any) -> Any:
    from modules import processing

    from textual_inversion.hosts.webui_page.options import options_set

    wanted = {"sampler_name": "Euler", "steps": 2, "seed": 1, "width": 64, "height": 64}
    unsaved = {"do_not_save_samples": True, "do_not_save_grid": True}
    p = processing.StableDiffusionProcessingTxt2Img(prompt=prompt, **wanted, **unsaved, **options)
    with closing(p), options_set(live_previews_enable=False):
        return processing.process_images(p)


def test_an_unknown_step_is_words_and_told_under_the_picture(
    engine: Any, steps: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = _picture("a thing@15")
    assert made.images
    printed = capsys.readouterr().out
    for sentence in ("thing@15: no copy of step 15 was found", "There are 150, 1500"):
        assert sentence in made.comments
        assert printed.count(sentence) == 1
    assert "TI: thing" not in made.infotexts[0]


def test_a_step_is_named_in_the_infotext_and_read_anew_by_the_next_picture(engine: Any, steps: Any, run: Path) -> None:
    first = _picture("a thing@150")
    assert "thing@150" in first.infotexts[0].split("TI: ")[1]
    (copy,) = (run / "embeddings").glob("thing-150.*")
    (other,) = (run / "embeddings").glob("thing-1500.*")
    shutil.copy(other, copy)
    changed = _picture("a thing@150")
    assert changed.images[0].tobytes() == _picture("a thing@1500").images[0].tobytes()
    assert changed.images[0].tobytes() != first.images[0].tobytes()


def test_the_second_pass_of_hires_fix_knows_it_and_says_what_is_missing(engine: Any, steps: Any) -> None:
    from modules import shared

    upscaler = "Latent" if "Latent" in shared.latent_upscale_modes else "None"  # Neo has no others
    options = {"enable_hr": True, "hr_scale": 2, "hr_upscaler": upscaler, "denoising_strength": 0.7}
    options |= {"hr_additional_modules": ["Use same choices"]}
    made = {prompt: _picture("a cat", hr_prompt=f"a {prompt}", **options) for prompt in ("thing@150", "thing@15")}
    assert "no copy of step 15 was found" in made["thing@15"].comments
    assert "no copy" not in made["thing@150"].comments
    same = _picture("a cat", hr_prompt="a copy150", **options)
    assert made["thing@150"].images[0].tobytes() == same.images[0].tobytes()


def test_a_prompt_of_a_training_says_nothing(engine: Any, steps: Any, forge: Any, capsys: Any) -> None:
    with forge.host.lease(LeaseRequest()) as lease, torch.no_grad():
        lease.encode_prompts(["a thing@15"], embeddings={}, width=64, height=64)
    assert "thing@15" not in capsys.readouterr().out

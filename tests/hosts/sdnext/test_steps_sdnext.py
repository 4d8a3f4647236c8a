"""name@step in the prompts of a real SD.Next, names with fewer vectors than before, and negative halves put in by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from host_bench import Bench
from sdnext_pictures import picture

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.model.host import LeaseRequest, PictureRequest
from textual_inversion.core.record.kept_steps import StepCopies
from textual_inversion.hosts.webui import ADD_PARTNER

pytestmark = pytest.mark.host


def written(path: Path, seed: int, rows: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    vectors = torch.randn(rows, 64, generator=torch.Generator().manual_seed(seed))
    write_embedding(Embedding(vectors={"*": vectors}, name=path.stem, step=seed), path)
    return path


@pytest.fixture
def copies(sd1: Bench, tmp_path: Path) -> Iterator[StepCopies]:
    """A run of ``thing`` that kept the steps 150 and 1500, of which prompts know the first as copy150 too."""
    folder = tmp_path / "log" / "2024-01-01" / "thing"
    for step in (150, 1500):
        written(folder / "embeddings" / f"thing-{step}.pt", step)
    (folder / "run.json").write_text(json.dumps({"config": {"name": "thing"}}))
    files = [written(sd1.host.embeddings_dir / "thing.pt", 1500), written(sd1.host.embeddings_dir / "copy150.pt", 150)]
    sd1.host.publish(files[0])
    yield StepCopies(lambda: [tmp_path / "log"])
    for file in files:
        file.unlink()
    sd1.host.publish(files[0])


@pytest.fixture
def prompts(copies: StepCopies) -> Iterator[None]:
    from modules import processing_args

    from textual_inversion.hosts.sdnext.text.step_prompts import StepPrompts

    before = processing_args.set_prompt
    patch = StepPrompts(copies)
    yield
    patch.remove()
    assert processing_args.set_prompt is before


@pytest.mark.usefixtures("prompts")
@pytest.mark.parametrize("parser", ["native", "compel", "a1111", "fixed", "xhinker"])
def test_a_step_is_its_copy(sd1: Bench, parser: str) -> None:
    from modules import prompt_parser_diffusers, shared

    before = shared.opts.prompt_attention
    shared.opts.data["prompt_attention"] = parser
    try:
        file, _ = picture("a photo of copy150, red")
        step, infotext = picture("a photo of thing@150, red")
        other, _ = picture("a photo of thing@1500, red")
    finally:
        shared.opts.data["prompt_attention"] = before
        prompt_parser_diffusers.cache.clear()
    assert step == file != other
    assert "a photo of thing@150, red" in infotext
    assert "Embeddings: thing@150" in infotext
    assert "qzxq" not in infotext


@pytest.mark.usefixtures("prompts")
@pytest.mark.parametrize(
    ("prompt", "same"),
    [
        ("THING@150 in snow", "copy150 in snow"),
        ("(thing@150:1.3) BREAK [cat]", "(copy150:1.3) BREAK [cat]"),
        ("[thing@150:cat:1] in snow", "[copy150:cat:1] in snow"),
    ],
)
def test_the_web_uis_own_prompt_language(sd1: Bench, prompt: str, same: str) -> None:
    assert picture(prompt)[0] == picture(same)[0]


@pytest.mark.usefixtures("prompts")
def test_a_step_that_was_not_kept_is_words(sd1: Bench) -> None:
    missing, infotext = picture("a photo of thing@7")
    assert missing != picture("a photo of thing @7")[0]  # there the embedding is read
    assert "a photo of thing@7" in infotext
    assert "Embeddings" not in infotext


@pytest.mark.usefixtures("prompts")
def test_a_file_that_changed_is_read_again(sd1: Bench, copies: StepCopies) -> None:
    first = picture("a thing@150")[0]
    path = copies.find("thing", 150)
    assert path is not None
    written(path, 8)
    assert picture("a thing@150")[0] != first
    written(path, 150)
    assert picture("a thing@150")[0] == first


def test_previews_and_training_read_steps_too(sd1: Bench, copies: StepCopies) -> None:
    live = sd1.live()
    sd1.host.copies = copies  # type: ignore[attr-defined]
    try:
        with sd1.host.lease(LeaseRequest()) as lease, torch.no_grad():
            size = {"width": 64, "height": 64}
            step, file = (
                lease.encode_prompts([f"a tix3 like {word}"], embeddings=live, **size)
                for word in ("thing@150", "copy150")
            )
            one, other, words = (
                lease.picture(PictureRequest(prompt=f"tix3 like {word}", steps=1, **size), embeddings=live)
                for word in ("thing@150", "copy150", "thing@9")
            )
    finally:
        sd1.host.copies = None  # type: ignore[attr-defined]
    torch.testing.assert_close(step.context, file.context)
    assert (step.inserted, file.inserted) == ((3,), (3,))
    assert one.image.tobytes() == other.image.tobytes() != words.image.tobytes()
    assert "thing@9: no copy of step 9 was found" in words.warnings[0]
    assert "tix3 like thing@150" in one.infotext
    assert "qzxq" not in one.infotext


def test_a_name_may_lose_vectors_and_go(sd1: Bench) -> None:
    """Its last tokens would go on standing for the old rows."""
    path = sd1.host.embeddings_dir / "shrunk.pt"
    other = sd1.host.embeddings_dir / "fresh.pt"
    try:
        written(path, 3, rows=3)
        sd1.host.publish(path)
        three = picture("a shrunk")[0]
        written(path, 4, rows=2)
        sd1.host.publish(path)
        written(other, 4, rows=2)
        sd1.host.publish(other)
        assert picture("a shrunk")[0] == picture("a fresh")[0] != three
        path.unlink()
        sd1.host.publish(path)
        assert "shrunk" not in sd1.host.embedding_names()
    finally:
        for each in (path, other):
            each.unlink(missing_ok=True)
        sd1.host.publish(path)


def test_the_negative_half_is_added_where_it_is_wanted(sd1: Bench) -> None:
    from modules import processing, shared

    from textual_inversion.hosts.sdnext.text.pair_prompts import AddPartner

    files = [written(sd1.host.embeddings_dir / f"{name}.pt", 5) for name in ("duo", "duo-neg")]
    sd1.host.publish(files[0])
    before = processing.process_init
    partner = AddPartner(lambda: {"duo", "duo-neg"})
    try:
        plain, infotext = picture("a duo", negative_prompt="blur")
        assert "Negative prompt: blur" in infotext
        shared.opts.data[ADD_PARTNER] = True
        added, infotext = picture("a duo", negative_prompt="blur")
        assert "Negative prompt: duo-neg, blur" in infotext
        assert added == picture("a duo", negative_prompt="duo-neg, blur")[0] != plain
        assert "Negative prompt: blur" in picture("a cat", negative_prompt="blur")[1]
    finally:
        shared.opts.data.pop(ADD_PARTNER, None)
        partner.remove()
        for file in files:
            file.unlink()
        sd1.host.publish(files[0])
    assert processing.process_init is before

import pytest
import torch
from PIL import Image

from textual_inversion.demo.draw import draw
from textual_inversion.demo.evaluate import FIELDS, evaluate, evaluation_captions
from textual_inversion.demo.grader import CLASSES, WEIGHTS, Grader, GraderNet
from textual_inversion.demo.pictures import rendered, scenes
from textual_inversion.demo.train_grader import FRESH_SEED, accuracy, train_grader


def test_the_shipped_grader_reads_fresh_renders() -> None:
    figures = accuracy(Grader.load(), scenes(60, FRESH_SEED + 1))
    assert all(figures[field] >= 0.96 for field in CLASSES), figures
    assert WEIGHTS.stat().st_size < 2_000_000


def test_pictures_of_any_size_are_read() -> None:
    scene = scenes(1, 4)[0]
    large = draw(scene).resize((256, 256), Image.Resampling.BICUBIC)
    (verdict,) = Grader.load().grade([large])
    assert (verdict.shape, verdict.colour, verdict.background) == (scene.shape, scene.colour, scene.background)
    assert 0.0 < verdict.certainty <= 1.0


def test_training_lowers_the_loss(capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    some = scenes(16, 2)
    net = train_grader(rendered(some), some, steps=30, batch_size=16, seed=0)
    untrained = GraderNet()
    seen = accuracy(Grader(net), some)
    assert seen["background"] > accuracy(Grader(untrained), some)["background"]


def test_perfect_pictures_get_full_marks_and_wrong_ones_do_not() -> None:
    by_text = {text: scene for scene, text in evaluation_captions(20)}
    perfect = evaluate(lambda prompts: [draw(by_text[prompt]) for prompt in prompts], 20)
    assert all(perfect.shares[field] >= 0.95 for field in FIELDS)
    wrong = evaluate(lambda prompts: [Image.new("RGB", (64, 64)) for _ in prompts], 20)
    assert wrong.shares["core"] == 0.0

"""Settings that do not go together, and what a run is told before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_world import World

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.record.events import Stepped, Warned


@pytest.mark.parametrize(
    ("settings", "field", "text"),
    [
        (
            {"min_timestep": 500, "max_timestep": 499},
            "min_timestep",
            "The lowest timestep (500) is above the highest (499).",
        ),
        ({"width": 100}, "width", "100x64: width and height must be multiples of 8."),
        (
            {"preview_width": 100},
            "preview_width",
            "Previews cannot be 100 pixels wide or high; choose a multiple of 8.",
        ),
        ({"preview_height": 7}, "preview_height", "choose a multiple of 8"),
        ({"optimizer": "prodigy", "norm_rule": "fixed"}, "norm_rule", "choose adamw, or the rule 'clamp' or 'none'."),
        ({"auto_stop": True}, "evaluate_every", "Stopping by itself needs the fixed-batch loss"),
        ({"keep_best": True}, "evaluate_every", "The best step is chosen by the fixed-batch loss"),
        ({"learning_rate": "0"}, "learning_rate", "must be above zero"),
        ({"learning_rate": "0.1:x"}, "learning_rate", "at character 5"),
        ({"clip_value": "much"}, "clip_value", "Clip value, at character 1"),
        ({"template": "missing"}, "template", "There is no prompt template 'missing'"),
        ({"data": ["/does/not/exist"]}, "data", "exist"),
        ({"data": []}, "data", ""),
        ({"name": ""}, "name", "No embedding was chosen"),
        ({"name": "../thing"}, "name", "it begins with a dot"),
    ],
)
def test_mistakes_are_raised_beside_their_field_before_anything_is_touched(
    world: World, settings: dict[str, Any], field: str, text: str
) -> None:
    world.create()
    with pytest.raises(InputError) as caught:
        world.train(world.config(**settings))
    assert caught.value.field == field
    assert text in caught.value.message
    assert not (world.folder / "log").exists()
    assert world.host.given_back == 1


def test_a_rate_that_ends_before_the_embedding_is_told(world: World) -> None:
    world.create()
    world.train(world.config(steps=5))
    with pytest.raises(
        InputError, match="ends at step 4, and 'thing' has had 5 steps already. Add a rate for"
    ) as caught:
        world.train(world.config(steps=9, learning_rate="0.01:4"))
    assert caught.value.field == "learning_rate"
    assert world.host.given_back == 2, "the model was not asked for"


def test_a_rate_text_that_ends_early_ends_the_run_and_says_so(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=9, learning_rate="0.01:4"))
    assert (finished.outcome, finished.step) == ("done", 4)
    assert "ends at step 4, so training stops there and not at step 9" in finished.message


def test_prodigy_with_a_rate_for_adamw_is_advised(world: World) -> None:
    world.create()
    world.train(world.config(steps=1, optimizer="prodigy", learning_rate="0.005"))
    assert any("1 is meant to be set with it" in event.message for event in world.of(Warned))
    world.events.clear()
    world.train(world.config(steps=2, optimizer="prodigy", learning_rate="1"))
    assert not world.of(Warned)


def test_resuming_the_run_of_another_embedding_is_refused(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=2))
    with pytest.raises(InputError, match="is a run of 'thing', not of 'other'") as caught:
        world.train(world.config(name="other"), resume=Path(finished.run_dir))
    assert caught.value.field == "name"


def test_a_run_without_its_state_names_the_copies(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=4, save_every=2))
    (Path(finished.run_dir) / "resume.safetensors").unlink()
    with pytest.raises(InputError, match=r"holds no resume state. Continue from one of its copies: \[2, 4\]"):
        world.train(world.config(steps=8), resume=Path(finished.run_dir))
    again = world.train(world.config(steps=8), resume=Path(finished.run_dir), from_step=2)
    assert (again.outcome, again.step) == ("done", 8)


def test_a_broken_state_does_not_keep_the_copies_from_being_used(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=4, save_every=2))
    (Path(finished.run_dir) / "resume.safetensors").write_bytes(b"\0" * 4096)
    with pytest.raises(InputError, match="cannot be read as the state of a run"):
        world.train(world.config(steps=8), resume=Path(finished.run_dir))
    again = world.train(world.config(steps=8), resume=Path(finished.run_dir), from_step=2)
    assert (again.outcome, again.step) == ("done", 8)


def test_the_step_of_the_state_is_gone_on_with_exactly(world: World) -> None:
    world.create()
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 4 else None
    paused = world.train(world.config(steps=8, save_every=2))
    world.on_event = lambda _: None
    again = world.train(world.config(steps=8), resume=Path(paused.run_dir), from_step=4)
    assert again.run_dir == paused.run_dir
    assert not any("optimiser starts afresh" in event.message for event in world.of(Warned))


def test_other_pictures_than_at_the_beginning_are_told(world: World) -> None:
    world.create()
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 2 else None
    paused = world.train(world.config(steps=4))
    world.on_event = lambda _: None
    (world.folder / "pictures" / "2.png").unlink()
    (world.folder / "pictures" / "2.txt").unlink()
    resumed = world.train(world.config(steps=4), resume=Path(paused.run_dir))
    assert resumed.outcome == "done"
    assert any("The pictures are not those that the run began with" in event.message for event in world.of(Warned))


@pytest.mark.parametrize("settings", [{"shuffle_tags": True}, {"tag_dropout": 0.1}, {"caption_dropout": 0.1}])
def test_rules_for_captions_that_no_prompt_shows_are_advised(world: World, settings: dict[str, Any]) -> None:
    world.create()
    (world.folder / "templates" / "bare.txt").write_text("a photo of [name]\n")
    told = "change nothing here: no prompt of bare.txt holds [filewords]"
    for template, config, expected in [("bare.txt", settings, 1), ("bare.txt", {}, 0), ("plain.txt", settings, 0)]:
        world.events.clear()
        world.create(overwrite=True)
        world.train(world.config(steps=1, template=template, **config))
        assert sum(told in event.message for event in world.of(Warned)) == expected


def test_another_template_than_at_the_beginning_is_told(world: World) -> None:
    world.create()
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 2 else None
    paused = world.train(world.config(steps=4))
    world.on_event = lambda _: None
    (world.folder / "templates" / "plain.txt").write_text("a drawing of [name]\n")
    world.train(world.config(steps=4), resume=Path(paused.run_dir))
    assert sum("The prompt template is not what the run began with" in event.message for event in world.of(Warned)) == 1

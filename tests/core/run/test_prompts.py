"""Words of a run that are known to be wrong before its first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from engine_world import World
from fake_host import FakeLease

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.host import Picture
from textual_inversion.core.record.events import Warned


def captions(world: World, *texts: str) -> None:
    for index, text in enumerate(texts):
        (world.folder / "pictures" / f"{index}.txt").write_text(text)


def template(world: World, text: str) -> str:
    (world.folder / "templates" / "mine.txt").write_text(text)
    return "mine.txt"


def warned(world: World) -> list[str]:
    return [event.message for event in world.of(Warned)]


def test_a_caption_that_cannot_be_parsed_ends_no_run_in_the_middle(world: World) -> None:
    world.create()
    captions(world, "fine", "screenshot (windows:3.1.1), a shape")
    with pytest.raises(InputError, match=r"1\.txt: The weight '3\.1\.1' in the prompt .* is not a number") as caught:
        world.train()
    assert caught.value.field == "data"
    assert not (world.folder / "log").exists()
    assert world.host.given_back == 1, "the model was not asked for"


def test_nor_does_a_line_of_the_template(world: World) -> None:
    world.create()
    with pytest.raises(InputError, match=r"mine\.txt: The weight '\.\.'") as caught:
        world.train(world.config(template=template(world, "[name]\n[name] (x:..)")))
    assert caught.value.field == "template"


def test_a_run_that_can_teach_nothing_is_refused(world: World) -> None:
    world.create()
    only = template(world, "[filewords]")
    with pytest.raises(InputError, match="Nothing would be learned: .* none of the captions holds 'thing'") as caught:
        world.train(world.config(template=only))
    assert caught.value.field == "template"
    captions(world, "a thing, red")
    assert world.train(world.config(template=only, steps=2)).outcome == "done"
    assert any("2 of 3 pictures have none that holds 'thing': 1.txt, 2.txt." in each for each in warned(world))


def test_the_negative_half_must_learn_too(world: World) -> None:
    world.create(apt=True, negative_vectors=2)
    only = template(world, "[filewords]")
    settings = {"apt": True, "negative_template": only, "guidance": "2"}
    with pytest.raises(InputError, match="none of the captions holds 'thing-neg'"):
        world.train(world.config(**settings))
    captions(world, "a thing, red", "a thing, blue", "a thing")
    assert world.train(world.config(**settings, steps=2)).outcome == "done"
    with pytest.raises(InputError, match="there are no captions that could hold it"):
        world.train(world.config(**settings, negative_filewords=False, steps=4))


def test_mirrored_sides_are_told(world: World) -> None:
    world.create()
    captions(world, "looking left, sword in the Right hand", "a bright, leftover copyright", "right now")
    world.train(world.config(flip=True, steps=2))
    (told,) = [each for each in warned(world) if "mirrored" in each]
    assert told.endswith("which is wrong of the mirrored ones: 0.png.")
    world.events.clear()
    world.train(world.config(flip=True, steps=4, template=template(world, "[name]")))
    assert not any("mirrored" in each for each in warned(world)), "no prompt shows the captions"


def test_odd_words_are_told_once(world: World) -> None:
    world.create()
    captions(world, "1girl, :(", "1girl, :(", "<lora:x:1>, (vocaloid)")
    world.train(world.config(steps=2, template=template(world, "[name], [filewords]\n{name} [name]\n[Fileword]")))
    told = warned(world)
    assert sum("Brackets that do not pair up" in each and "0.txt, 1.txt." in each for each in told) == 1
    assert sum("(<lora:x:1>)" in each for each in told) == 1
    assert sum("{name} (filled in is [name]), [Fileword] (filled in is [filewords])" in each for each in told) == 1
    assert not any("Brackets are emphasis" in each for each in told), "for checks alone"


def test_a_longer_name_of_the_folder_is_in_the_way(world: World) -> None:
    world.create()
    world.create(name="thing blue")
    captions(world, "a thing blue", "a thing", "a thing")
    with pytest.raises(InputError, match=r"0\.txt: .* in place of 'thing'"):
        world.train(world.config(template=template(world, "[filewords]")))


def test_captions_of_either_ending_are_trained(world: World) -> None:
    world.create()
    pictures: Path = world.folder / "pictures"
    (pictures / "0.txt").rename(pictures / "0.caption")
    (pictures / "1.txt").rename(pictures / "1.PNG.TXT")
    captions_seen: list[str] = []
    world.on_event = lambda event: captions_seen.append(getattr(event, "prompt", ""))
    world.train(world.config(template=template(world, "[name], [filewords]"), steps=9))
    assert {"red, tag0, plain, large", "red, tag1, plain, large"} <= {
        each.removeprefix("thing, ") for each in captions_seen
    }


def test_pictures_without_a_text_file_among_others_are_told(world: World) -> None:
    world.create()
    words = template(world, "[name], [filewords]")
    world.train(world.config(template=words, steps=1))
    assert not any("Without a text file" in each for each in warned(world))
    (world.folder / "pictures" / "1.txt").unlink()
    world.train(world.config(template=words, steps=2))
    assert "Without a text file, so that the words of their names are trained as captions: 1.png." in warned(world)


def test_previews_that_cannot_be_made_are_told_before_the_run(world: World) -> None:
    world.create()
    world.train(world.config(steps=1, preview_prompts=["fine", "[name] (a:3.1.1)"], preview_negative_prompt="(b:..)"))
    told = [each for each in warned(world) if each.startswith("Previews will fail: The weight")]
    assert [each.split("'")[1] for each in told] == ["3.1.1", ".."]


def test_what_a_preview_does_not_know_is_told_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create()
    picture = FakeLease.picture

    def with_warning(*given: object, **more: object) -> Picture:
        return replace(picture(*given, **more), warnings=("<lora:x:1> is read as words.",))  # type: ignore[arg-type]

    monkeypatch.setattr(FakeLease, "picture", with_warning)
    world.train(world.config(steps=6, image_every=2))
    assert warned(world).count("Previews: <lora:x:1> is read as words.") == 1


def test_previews_that_cannot_show_the_embedding_are_told(world: World) -> None:
    world.create()
    world.train(world.config(steps=1, preview_prompts=["golden hour", "a Thing at noon", "[name]"]))
    told = [each for each in warned(world) if "do not show" in each]
    assert told == ["Previews that do not show the embedding, since their prompt lacks [name]: 'golden hour'."]

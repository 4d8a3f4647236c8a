"""The app clicked through in Chromium: create, train, reload in the middle, pause, generate, resume, interrupt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import NEEDS_IT, launched, new_page, open_tab, press
from engine_world import World, make_world

from textual_inversion.core.dataset.templates import shipped_templates_dir
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.model.host import Host
from textual_inversion.core.record.events import Emit, Event, Finished, Stepped
from textual_inversion.core.run.train import train
from textual_inversion.core.settings.train_config import TrainConfig

RUNNING = '[data-ti-monitor][data-state="running"]'
NASTY = "<img src=x onerror=window.hacked=1>"

pytestmark = NEEDS_IT


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = make_world(tmp_path_factory.mktemp("app"))
    world.host.template_dirs = [*world.host.template_dirs, shipped_templates_dir()]
    for caption in (world.folder / "pictures").glob("*.txt"):
        caption.write_text(NASTY)
    return world


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    from textual_inversion.ui.standalone import serving

    with serving(world.host, port=7980, log_dir=str(world.folder / "log"), train=unhurried) as url:
        yield url


def unhurried(config: TrainConfig, host: Host, *, emit: Emit, **steering: Any) -> Finished:
    """The real training, slowed down: the fake model's steps are so quick that they would leave the page no time."""

    def emit_slowly(event: Event) -> None:
        emit(event)
        if isinstance(event, Stepped):
            time.sleep(0.1)

    return train(config, host, emit=emit_slowly, **steering)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with launched() as browser:
        yield browser


class Page:
    """One browser window on the app, which notes every request and every error."""

    def __init__(self, browser: object, address: str) -> None:
        self.page = new_page(browser)
        self.requests: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def tab(self, name: str) -> None:
        open_tab(self.page, name)

    def fill(self, form: str, **values: object) -> None:
        for field, value in values.items():
            self.page.locator(f"#ti-{form}-{field} :is(textarea, input)").first.fill(str(value))

    def press(self, form: str, name: str = "go") -> None:
        self.page.click(f"#ti-{form}-{name}")

    def act(self, name: str) -> None:
        self.page.click(f'[data-ti-monitor] [data-act="{name}"]')

    def see(self, selector: str) -> object:
        return self.page.wait_for_selector(selector)

    @property
    def step(self) -> int:
        return int(self.page.inner_text(".ti-figure b").split("/")[0])

    def reach(self, step: int) -> None:
        self.page.wait_for_function(
            "step => parseInt(document.querySelector('.ti-figure b')?.textContent) >= step", arg=step
        )


def test_from_a_new_word_to_a_picture(browser: object, address: str, world: World) -> None:
    one = Page(browser, address)
    create(one)
    start(one, world)
    second_window_and_reload(browser, address, one)
    pause_generate_resume(one)
    queue(one, world)
    use_a_step(one, world)
    assert (world.folder / "embeddings" / "zebra1.pt").is_file()

    own = address.split("//")[1].rstrip("/")
    known = (own, "data:", "blob:", "iframe-resizer")  # Gradio 4 asks for the last, and does without
    outside = [url for url in one.requests if not any(part in url for part in known)]
    assert outside == []
    assert one.page.faults == []
    assert one.page.evaluate("window.hacked") is None


def create(one: Page) -> None:
    one.fill("create", name="zebra1", init_text="red")
    press(one.page, "#ti-create-go", until=".ti-message-done")
    one.fill("create", name="../zebra")
    press(one.page, "#ti-create-go", until="#ti-create-name .ti-field-note")
    assert "cannot be the name" in one.page.inner_text("#ti-create-name .ti-field-note")


def start(one: Page, world: World) -> None:
    one.tab("Train")
    press(one.page, "#ti-train-go", until="#ti-train-data .ti-field-note")
    assert one.page.input_value("#ti-train-name input") == "zebra1"
    assert one.page.input_value("#ti-train-width input[type=number]") == "64"
    one.fill("train", data=world.folder / "pictures", steps=1_000_000, image_every=10)
    one.press("train")
    one.see(RUNNING)
    one.page.wait_for_selector("#ti-train-data .ti-field-note", state="detached")
    one.reach(25)
    one.see(".ti-preview img")
    one.see(".ti-chart-losses path.ti-smooth")
    assert one.page.evaluate("document.querySelector('.ti-chart-losses path.ti-smooth').getAttribute('d').length") > 20
    one.page.wait_for_function(f"document.querySelector('.ti-prompt').textContent.includes('{NASTY}')")


def second_window_and_reload(browser: object, address: str, one: Page) -> None:
    before = one.step
    one.page.reload()
    other = Page(browser, address)
    for page in (one, other):
        page.tab("Train")
        page.see(RUNNING)
        page.reach(before + 1)
        page.see(".ti-preview img")
    other.page.click(".ti-preview")
    assert "zebra1" in other.page.inner_text(".ti-large pre")
    assert other.page.faults == []


def queue(one: Page, world: World) -> None:
    """Two more wait, change places, and one leaves; the page is loaded again in between."""
    for name in ("okapi1", "tapir1"):
        world.create(name=name)
        one.fill("train", name=name)
        one.page.keyboard.press("Enter")
        one.fill("train", data=world.folder / "pictures", steps=1_000_000, image_every=10)
        one.press("train")
        one.see(f".ti-message-done:has-text('Queued {name}')")
        one.page.select_option("[data-ti-monitor] .ti-list", label="zebra1 · running")
    one.see(".ti-queued:has-text('2. tapir1')")
    one.page.click("[aria-label='Move tapir1 up']")
    one.see(".ti-queued:has-text('1. tapir1')")
    one.page.reload()
    one.tab("Train")
    one.page.click("[aria-label='Remove okapi1 from the queue']")
    one.page.wait_for_selector(".ti-queued:has-text('okapi1')", state="detached")
    assert not (world.folder / "embeddings" / ".okapi1.lock").exists()


def use_a_step(one: Page, world: World) -> None:
    """Of a run that goes on: it is asked first, then stopped; the next in the queue begins, and is ended."""
    one.page.select_option("[data-ti-monitor] .ti-list", label="zebra1 · running")
    one.see(RUNNING)
    # Of many thousand steps, as a quick machine does them meanwhile, the list holds every second, fourth … only.
    step = one.page.eval_on_selector(".ti-steps-list", "list => list.options[1].value")
    one.page.select_option(".ti-steps-list", step)
    one.act("use")
    one.act("stop-and-use")
    one.see(f".ti-note:has-text('Step {step} is now zebra1')")
    assert read_embedding(world.folder / "embeddings" / "zebra1.pt").step == int(step)
    one.page.click(".ti-link:has-text('Training now: tapir1')")
    one.see(RUNNING)
    one.act("interrupt")
    one.see('[data-ti-monitor][data-state="interrupted"]')


def pause_generate_resume(one: Page) -> None:
    one.tab("Generate")
    one.press("generate")
    one.see(".ti-message-error")
    assert "Pause it first" in one.page.inner_text(".ti-message-error:visible")
    one.tab("Train")
    one.act("pause")
    one.see('[data-ti-monitor][data-state="paused"]')
    paused_at = one.step

    one.tab("Generate")
    one.page.click(".ti-card:has-text('zebra1')")
    assert one.page.input_value("#ti-generate-prompt textarea") == "zebra1"
    one.fill("generate", steps=2)
    one.press("generate")
    one.page.wait_for_function("document.querySelectorAll('#ti-generate-gallery img').length >= 4")
    assert one.page.input_value("#ti-generate-infotext textarea").startswith("zebra1")

    one.tab("Train")
    one.act("resume")
    one.see(RUNNING)
    one.reach(paused_at + 1)

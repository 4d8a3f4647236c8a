"""Contrast, sizes of what is pressed, and names of controls, measured by axe on every tab, in both themes, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chromium import NEEDS_IT, launched, new_page, open_tab, press
from engine_world import World, make_world
from scripted_page import ROOT

from textual_inversion.core.dataset.templates import shipped_templates_dir
from textual_inversion.hosts.standalone.host import DEMO_CHECKPOINT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["color-contrast", "target-size", "label", "select-name", "button-name", "image-alt", "aria-progressbar-name"]
WIDTHS = {"wide": (1280, 800), "phone": (390, 844)}
PREPARE = "[data-ti-prepare]"

pytestmark = [
    *NEEDS_IT,
    pytest.mark.skipif(
        not AXE.is_file(), reason="axe is not installed: it needs 'npm install' in the folder of the clone"
    ),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """With two embeddings, one of them trained, so that every panel has something to show."""
    world = make_world(tmp_path_factory.mktemp("app"))
    world.host.template_dirs = [*world.host.template_dirs, shipped_templates_dir()]
    world.host.checkpoint = DEMO_CHECKPOINT
    world.create(name="zebra1")
    world.create(name="okapi1")
    world.train(world.config(name="zebra1", steps=20, save_every=5, image_every=5, evaluate_every=5))
    return world


@pytest.fixture(scope="module")
def url(world: World) -> Iterator[str]:
    from textual_inversion.ui.standalone import serving

    with serving(world.host, port=7970, log_dir=str(world.folder / "log")) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


def create(page: Any, world: World) -> None:
    page.locator("#ti-create-name :is(textarea, input)").fill("../zebra")
    press(page, "#ti-create-go", until="#ti-create-name .ti-field-note")


def train(page: Any, world: World) -> None:
    page.locator("#ti-train-preset label").nth(1).click()
    page.wait_for_selector(".ti-answer .ti-message:visible")
    page.locator("[data-ti-monitor] .ti-list").select_option(index=1)
    page.wait_for_selector("[data-ti-monitor] .ti-strip button")
    page.locator("[data-ti-monitor] .ti-strip button").first.click()


def generate(page: Any, world: World) -> None:
    page.wait_for_selector(".ti-card")


def library(page: Any, world: World) -> None:
    page.click(".ti-lib-card:has-text('zebra1')")
    page.wait_for_selector(".ti-lib-details h3")
    page.click("[data-act=sheet]")
    page.click("[data-act=combine]")
    page.wait_for_selector(".ti-lib-pick")


def preprocess(page: Any, world: World) -> None:
    page.locator(f"{PREPARE} .ti-primary:visible").first.click()
    page.wait_for_selector(f"{PREPARE} .ti-refused")


def captions(page: Any, world: World) -> None:
    _folder(page, world, "captions")
    page.wait_for_selector(".ti-caption-card")


def masks(page: Any, world: World) -> None:
    _folder(page, world, "masks")
    page.locator(".ti-mask-choice").first.click()
    page.wait_for_selector(".ti-mask-canvas")


def check(page: Any, world: World) -> None:
    _folder(page, world, "check")
    page.wait_for_selector(".ti-summary")


def _folder(page: Any, world: World, panel: str) -> None:
    page.click(f"[data-panel={panel}]")
    page.locator(f"{PREPARE} [role=tabpanel]:visible input[type=text]").first.fill(str(world.folder / "pictures"))
    page.locator(f"{PREPARE} .ti-primary:visible").first.click()


PLACES: list[tuple[str, Callable[[Any, World], None]]] = [
    ("Create", create),
    ("Prepare", preprocess),
    ("Prepare", captions),
    ("Prepare", masks),
    ("Prepare", check),
    ("Train", train),
    ("Generate", generate),
    ("Library", library),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_everything_can_be_read_and_pressed(browser: Any, url: str, world: World, theme: str, width: str) -> None:
    page = new_page(browser, width=WIDTHS[width][0], height=WIDTHS[width][1])
    page.goto(f"{url}?__theme={theme}")
    wrong: list[str] = []
    for name, show in PLACES:
        open_tab(page, name)
        show(page, world)
        page.wait_for_timeout(400)  # what fades in has faded in
        wrong += [f"{show.__name__}: {each}" for each in _wrong(page)]
    assert page.faults == []
    page.context.close()
    assert wrong == []


def _wrong(page: Any) -> list[str]:
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    script = """async (rules) => {
        const found = await axe.run(".ti-page", {runOnly: {type: "rule", values: rules}});
        return found.violations.flatMap(({id, nodes}) => nodes.map((node) => {
            const {fgColor, bgColor, contrastRatio} = (node.any[0] || {}).data || {};
            const told = fgColor ? ` ${fgColor} on ${bgColor}: ${contrastRatio}` : "";
            return `${id}${told} ${node.html.slice(0, 160)}`;
        }));
    }"""
    return page.evaluate(script, RULES)

"""A browser window on a web UI: its own tabs and boxes, and ours among them."""

from __future__ import annotations

import re
from typing import Any

from chromium import PATIENCE

TAB = "#tab_textual_inversion"
MONITOR = f"{TAB} [data-ti-monitor]"
CARDS = "#txt2img_textual_inversion_cards"
_NO_RELOAD = "sessionStorage.setItem('physton_icon_refreshed', '1')"
"""One derivative of Forge Neo reloads its page by itself, two seconds after it was opened in a new window."""

_PICTURE = "document.querySelector('#txt2img_gallery img')?.src"


class Window:
    """One window with cookies of its own, which notes the errors of our scripts."""

    def __init__(self, browser: Any, url: str) -> None:
        self.page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("pageerror", self._error)
        self.page.on("dialog", self._dialog)
        self.page.add_init_script(_NO_RELOAD)
        self.page.goto(url)
        self.ready()

    def close(self) -> None:
        self.page.context.close()

    def ready(self) -> None:
        """The web UI's own scripts have begun, so that its buttons do what they say."""
        self.page.wait_for_selector("#txt2img_generate")
        self.page.wait_for_function("typeof opts === 'object' && Object.keys(opts).length > 0")

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    def top_tab(self, name: str) -> None:
        """``txt2img`` is *Txt2img* in some."""
        called = re.compile(rf"^\s*{re.escape(name)}\s*$", re.IGNORECASE)
        self.page.locator("#tabs > .tab-nav > button").get_by_text(called).click()

    def our_tab(self, name: str) -> None:
        """*Textual Inversion* and a tab in it."""
        self.top_tab("Textual Inversion")
        self.page.locator(f"{TAB} .tab-nav > button").get_by_text(name, exact=True).first.click()

    def fill(self, form: str, **values: object) -> None:
        """Fields of one of our forms; those that are folded away have to be unfolded before."""
        for field, value in values.items():
            box = self.page.locator(f"#ti-{form}-{field} :is(textarea, input)").first
            if isinstance(value, bool):
                box.set_checked(value)
                continue
            box.fill(str(value))
            box.press("Tab")

    def press(self, form: str, name: str = "go") -> None:
        self.page.click(f"#ti-{form}-{name}")

    def act(self, name: str) -> None:
        """A button of the monitor."""
        self.page.click(f'{MONITOR} [data-act="{name}"]')

    def see(self, selector: str) -> Any:
        return self.page.wait_for_selector(selector)

    def state(self, *states: str) -> None:
        """What the monitor shows."""
        self.page.wait_for_selector(", ".join(f'{MONITOR}[data-state="{state}"]' for state in states))

    def reach(self, step: int) -> None:
        script = "([place, step]) => parseInt(document.querySelector(place + ' .ti-figure b')?.textContent) >= step"
        self.page.wait_for_function(script, arg=[MONITOR, step])

    def cards(self, *, refresh: bool = True) -> None:
        """The card picker's *Textual Inversion* page, read again."""
        self.top_tab("txt2img")
        self.page.locator("#txt2img_extra_tabs > .tab-nav > button").get_by_text("Textual Inversion").click()
        if refresh:
            self.page.click("#txt2img_textual_inversion_extra_refresh")

    def card(self, name: str) -> Any:
        return self.page.wait_for_selector(f'{CARDS} .card[data-name="{name}"]')

    @property
    def prompt(self) -> str:
        return self.page.input_value("#txt2img_prompt textarea")

    def generate(self, prompt: str | None = None, *, negative: str | None = None, seed: int = 1) -> str:
        """Make one small picture in txt2img; the text below it."""
        self.top_tab("txt2img")
        self.page.locator("#txt2img_extra_tabs > .tab-nav > button").get_by_text("Generation").click()
        values = {"prompt": prompt, "neg_prompt": negative}
        for box, text in values.items():
            if text is not None:
                self.page.fill(f"#txt2img_{box} textarea", text)
        for slider, value in {"width": 64, "height": 64, "steps": 4}.items():
            box = self.page.locator(f"#txt2img_{slider} input[type=number]")
            box.fill(str(value))
            box.press("Tab")
        self.page.fill("#txt2img_seed input", str(seed))
        old = self._shown_picture()
        self.page.click("#txt2img_generate")
        self.page.wait_for_function(f"old => {{ const now = {_PICTURE}; return now && now !== old; }}", arg=old)
        self.page.wait_for_function("document.querySelector('#html_info_txt2img').innerText.includes('Seed:')")
        return self.page.inner_text("#html_info_txt2img") + "\n" + self.page.inner_text("#html_log_txt2img")

    def _shown_picture(self) -> str | None:
        return self.page.evaluate(_PICTURE)

    def screenshot(self, path: Any) -> None:
        self.page.screenshot(path=path)

    def _error(self, error: Any) -> None:
        """Of our scripts: Gradio 3.41 has some of its own in a web UI without any extension."""
        if "textual_inversion" in (error.stack or ""):
            self.errors.append(error.stack)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.accept()

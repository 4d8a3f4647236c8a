"""Ids and classes of the page's elements, in one place for Python, CSS and JavaScript.

The scripts learn them from the page: places are found by their ``data-ti-…`` attributes, fields by the ids in messages.
"""

PREFIX = "ti-"

MONITOR = f"{PREFIX}monitor"
CARDS = f"{PREFIX}cards"
PREPARE = f"{PREFIX}prepare"
LIBRARY = f"{PREFIX}library"
MESSAGE = f"{PREFIX}message"
TOOL = f"{PREFIX}tool"
PAGE = f"{PREFIX}page"
SPLIT = f"{PREFIX}split"
SIDE = f"{PREFIX}side"
"""A form, and what stays in sight beside it."""
ACTIONS = f"{PREFIX}actions"
ANSWER = f"{PREFIX}answer"
LINK = f"{PREFIX}button"
GROUP = f"{PREFIX}group"
PANEL = f"{PREFIX}panel"
"""Each place that a script draws into."""

API = "textual-inversion/v1/"
"""Relative to the page, so that it works behind a path of a proxy or of ``--subpath``."""


def tab_id(name: str) -> str:
    """The element id of one of our tabs: scripts open it by that, since its words may be translated."""
    return element_id("tab", name)


def element_id(*parts: str) -> str:
    """``ti-train-learning_rate`` for ("train", "learning_rate")."""
    return PREFIX + "-".join(parts)

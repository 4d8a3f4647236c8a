"""Look for what the guides advise about pictures, in the pictures themselves. Advice only, and it may be wrong.

Each function takes what ``core.dataset_report`` checks (its ``ReportInput``) and yields findings; ``advice_checks`` binds them to
the pictures, which are then read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from ...core.base.sentences import listed
from ...core.dataset.finding import Finding
from ...core.dataset.report import Check, ReportInput
from ..folder.edits import tag_counts
from .looks import Look, looks_of
from .perceptual_hash import distance
from .watermarks import has_lettering, repeated_marks

_NEAR = 6
"""Bits of 64: as near as an edited copy."""

_ALIKE = 18
"""Bits of 64 by which pictures of one motif, taken in a row, mostly differ; unrelated ones differ by 32."""

_SAME_RIM = 18.0
"""Standard deviation (of 255) of a rim's colour over all pictures below which they share a background."""

_ENOUGH = 4
"""With fewer pictures nothing can be said about all of them."""

_STOP_WORDS = frozenset({"a", "an", "the", "of", "in", "on", "and", "with", "photo", "picture", "style", "by"})


class PictureAdvice:
    """The checks of one folder. ``learned`` are words for what is to be learned, as the initialization text has them."""

    def __init__(self, material: ReportInput, *, learned: str = "") -> None:
        self._material, self._learned = material, learned

    @cached_property
    def _looks(self) -> list[Look]:
        return looks_of([item.path for item in self._material.items if not item.mirrored])

    def near_duplicates(self) -> Iterator[Finding]:
        """Pictures that are the same but for size, crop or a little editing."""
        groups: list[list[Look]] = []
        for look in self._looks:
            if look.hash is None:
                continue
            home = next((group for group in groups if distance(group[0].hash or 0, look.hash) <= _NEAR), None)
            groups.append([look]) if home is None else home.append(look)
        for group in groups:
            if len(group) > 1:
                yield _finding("near-duplicate", "Look the same, so that they count as often", group)

    def alike(self) -> Iterator[Finding]:
        """Guide: highly correlated pictures confuse the embedding."""
        hashes = [look.hash for look in self._looks if look.hash is not None]
        pairs = [distance(a, b) for n, a in enumerate(hashes) for b in hashes[n + 1 :]]
        if len(hashes) >= _ENOUGH and float(np.median(pairs)) <= _ALIKE:
            yield Finding(
                kind="alike",
                message="Nearly all pictures look alike. What they have in common is learned with the thing itself: take some from "
                "other distances and angles, in other light and surroundings.",
            )

    def background(self) -> Iterator[Finding]:
        """Guide: of pictures before one wall the wall is learned."""
        if len(self._looks) < _ENOUGH:
            return
        rims = np.stack([_rim(look.square) for look in self._looks])
        spread = np.median(rims.std(axis=0))
        inner = np.median(np.stack([look.square[48:144, 48:144].mean(axis=(0, 1)) for look in self._looks]).std(axis=0))
        if spread < _SAME_RIM and spread <= inner + 4:
            yield Finding(
                kind="background",
                message="The background is nearly the same in all pictures, so it is learned too. Vary it, mask it away (Masks), or "
                "name it in the captions.",
            )

    def marks(self) -> Iterator[Finding]:
        """Guide: remove text and watermarks."""
        if len(self._looks) >= _ENOUGH and repeated_marks([look.square for look in self._looks]):
            yield Finding(
                kind="watermark",
                message="The same small marks are at the same place in all pictures: a watermark or signature? It is learned too. "
                "Crop it away, or mask it.",
            )
        lettered = [look for look in self._looks if has_lettering(look.grey)]
        if lettered:
            yield _finding("text", "Text is suspected, which is learned too; crop or mask it away", lettered)

    def described(self) -> Iterator[Finding]:
        """Guide: captions should not hold features of what is to be learned."""
        captions = {item.path: item.caption for item in self._material.items if item.caption and not item.mirrored}
        words = [word for word in re.findall(r"\w+", self._learned.casefold()) if word not in _STOP_WORDS]
        for word in words:
            having = [
                path for path, caption in captions.items() if re.search(rf"\b{re.escape(word)}\b", caption.casefold())
            ]
            if captions and 2 * len(having) >= len(captions):
                yield Finding(
                    kind="described",
                    message=f"'{word}' is what should be learned, and {len(having)} of {len(captions)} captions name it: what a caption "
                    "says need not be learned. Remove it there.",
                    files=tuple(map(str, having)),
                )

    def always_named(self) -> Iterator[Finding]:
        """A tag in every caption: fine for a background, wrong for what is to be learned."""
        captions = [item.caption for item in self._material.items if item.caption and not item.mirrored]
        if len(captions) < _ENOUGH:
            return
        always = [tag for tag, count in tag_counts(captions) if count >= 0.9 * len(captions)]
        if always:
            yield Finding(
                kind="always-named",
                message=f"In nearly all captions: {listed(always)}. Good for clothes or surroundings that should not be learned; remove "
                "what should be.",
            )


def advice_checks(*, learned: str = "") -> tuple[Check, ...]:
    """For ``core.dataset_report.report(material, more=...)``."""

    def looked_at(material: ReportInput) -> Iterator[Finding]:
        advice = PictureAdvice(material, learned=learned)
        for check in (
            advice.near_duplicates,
            advice.alike,
            advice.background,
            advice.marks,
            advice.described,
            advice.always_named,
        ):
            yield from check()

    return (looked_at,)


def _rim(square: np.ndarray) -> np.ndarray:
    """Mean colours of twelve places along the rim, float [12, 3]; not the lower edge, where a body leaves the picture."""
    width = square.shape[0] // 8
    places = [square[:width, start : start + 48] for start in range(0, 192, 48)]
    places += [
        square[start : start + 36, side]
        for start in range(width, 168, 36)
        for side in (slice(0, width), slice(-width, None))
    ]
    return np.stack([place.mean(axis=(0, 1)) for place in places])


def _finding(kind: str, words: str, looks: Sequence[Look]) -> Finding:
    paths: list[Path] = [look.path for look in looks]
    return Finding(kind=kind, message=f"{words}: {listed(path.name for path in paths)}.", files=tuple(map(str, paths)))

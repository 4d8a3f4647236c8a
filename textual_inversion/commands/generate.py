"""`generate`: make pictures from a prompt."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.base.pasted_path import pasted_path
from ..core.base.seeds import LARGEST_PICTURE_SEED
from .command import Command
from .config_options import counted, number, whole_number
from .console import Console
from .shared import LOG_DIR, PICTURES_DIR, precision_of, standalone_host

if TYPE_CHECKING:
    from ..core.model.host import Lease, PictureRequest


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prompt",
        required=True,
        metavar="P",
        help="what to draw; embeddings by their names (NAME@STEP: a saved step), (word:1.2) and BREAK as in A1111",
    )
    parser.add_argument("--negative-prompt", default="", metavar="N", help="what not to draw")
    parser.add_argument(
        "--add-partner",
        action="store_true",
        help="put NAME-neg of a pair into the negative prompt where NAME is in the prompt and it is not there yet",
    )
    parser.add_argument(
        "--seed",
        type=whole_number,
        default=0,
        metavar="S",
        help="of the first picture; picture i has seed S + i (default: 0)",
    )
    parser.add_argument("--count", type=counted, default=1, metavar="K", help="how many pictures (default: 1)")
    parser.add_argument(
        "--sampler", default="Euler a", metavar="NAME", help='"Euler a", "DDIM" or "DPM++ 2M" (default: Euler a)'
    )
    parser.add_argument("--steps", type=whole_number, default=20, metavar="N", help="sampling steps (default: 20)")
    parser.add_argument(
        "--cfg-scale", type=number, default=7.0, metavar="G", help="how strictly the prompt is followed (default: 7)"
    )
    parser.add_argument("--width", type=counted, metavar="W", help="in pixels (default: the checkpoint's own size)")
    parser.add_argument("--height", type=counted, metavar="H", help="in pixels (default: the checkpoint's own size)")
    parser.add_argument(
        "--out",
        type=pasted_path,
        metavar="DIR",
        help=f"the folder for 00000.png, 00001.png, …; pictures of an earlier call are replaced (default: {PICTURES_DIR}, numbered on)",
    )
    parser.add_argument(
        "--log-dir",
        type=pasted_path,
        default=Path(LOG_DIR),
        metavar="DIR",
        help=f"where runs are, for NAME@STEP in prompts (default: {LOG_DIR})",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.base.errors import InputError
    from ..core.embeddings_folder.pair_files import partners_by_name
    from ..core.embeddings_folder.pair_prompts import with_partners
    from ..core.model.host import LeaseRequest, PictureRequest
    from ..core.record.kept_steps import StepCopies

    for seed in (arguments.seed, arguments.seed + arguments.count - 1):
        if not 0 <= seed <= LARGEST_PICTURE_SEED:
            raise InputError(f"--seed: {seed} is not between 0 and {LARGEST_PICTURE_SEED}.", field="seed")
    host = standalone_host(arguments, console)
    host.copies = StepCopies(lambda: [arguments.log_dir])
    negative = arguments.negative_prompt
    if arguments.add_partner:
        partners = partners_by_name(host.embedding_names())
        negative = with_partners(arguments.prompt, negative, partners)
    first = PictureRequest(
        prompt=arguments.prompt,
        negative_prompt=negative,
        sampler=arguments.sampler,
        steps=arguments.steps,
        guidance_scale=arguments.cfg_scale,
        seed=arguments.seed,
        width=arguments.width or host.native_size,
        height=arguments.height or host.native_size,
    )
    paths = _paths(arguments.out, arguments.count, console)
    with host.lease(LeaseRequest(precision=precision_of(arguments))) as lease:
        made = [_make(lease, first, i, path=path, console=console) for i, path in enumerate(paths)]
    console.record({"pictures": made})
    return 0


def _paths(folder: Path | None, count: int, console: Console) -> list[Path]:
    """The files to write: from 00000 on in a folder that was named, else numbered on. Raises InputError for others' files."""
    from ..core.base.errors import InputError
    from ..core.base.sentences import listed

    if folder is None:
        numbers = [int(path.stem) for path in Path(PICTURES_DIR).glob("*.png") if path.stem.isdecimal()]
        start = 1 + max(numbers, default=-1)
        return [Path(PICTURES_DIR, f"{start + index:05d}.png") for index in range(count)]
    paths = [folder / f"{index:05d}.png" for index in range(count)]
    there = [path for path in paths if path.exists()]
    if foreign := [path.name for path in there if not _is_generated(path)]:
        raise InputError(
            f"{listed(foreign)} in {folder} would be written over, and was not made by this program. Choose another folder.",
            field="out",
        )
    if there:
        console.note(f"Note: {len(there)} pictures of an earlier call in {folder} are replaced.")
    return paths


def _is_generated(path: Path) -> bool:
    """True for a picture that carries its generation parameters."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return "parameters" in picture.info
    except (OSError, SyntaxError, ValueError):
        return False


def _make(lease: Lease, first: PictureRequest, index: int, *, path: Path, console: Console) -> dict[str, Any]:
    """Picture ``index``, written to ``path``; it depends on its own seed alone."""
    from ..core.record.previews import save_picture

    request = dataclasses.replace(first, seed=first.seed + index)
    picture = lease.picture(request, embeddings={})
    save_picture(picture, path)
    for sentence in picture.warnings if index == 0 else ():  # they are about the prompts, which are the same for all
        console.note(f"Warning: {sentence}")
    console.say(str(path))
    return {"path": str(path), "seed": request.seed, "infotext": picture.infotext, "warnings": list(picture.warnings)}


COMMAND = Command(
    name="generate",
    summary="make pictures from a prompt",
    description="Draws K pictures and writes them with their generation parameters, which web UIs can read back. Every name in the "
    "embeddings folder can be used in the prompts.",
    usage="--prompt P [--negative-prompt N] [--seed S] [--count K] [--out DIR] [more options, see below]",
    examples=(
        'generate --prompt "a photo of my-cat" --seed 7 --count 4 --out pictures',
        'generate --prompt "a (red:1.3) square" --sampler "DPM++ 2M" --steps 25 --cfg-scale 5',
    ),
    add_options=_add_options,
    run=_run,
)

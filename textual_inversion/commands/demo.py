"""`demo`: the whole way once, from a folder of pictures to pictures of what was learned."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ..core.base.pasted_path import pasted_path
from ..demo.first_embedding import GUIDANCE_SCALE, NAME, PROMPTS, SAMPLING_STEPS, STEPS, VECTORS, first_run
from .command import Command
from .config_options import whole_number
from .console import Console
from .shared import precision_of, standalone_host
from .training import run_training

if TYPE_CHECKING:
    from PIL import Image

    from ..core.model.host import Host
    from ..core.record.events import Finished

SEEDS = (1, 2, 3, 4, 5, 6)
_SHOWN = 6


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=pasted_path,
        default=Path("outputs/demo"),
        metavar="DIR",
        help="where all files go (default: outputs/demo)",
    )
    parser.add_argument(
        "--steps", type=whole_number, default=STEPS, metavar="N", help=f"training steps (default: {STEPS})"
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="S", help="of the training (default: 0)")


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.embeddings_folder.create import create
    from ..demo.concepts import DEMO_CONCEPT, write_concept
    from ..runs.locks.name_lock import NameLock

    host = standalone_host(arguments, console)
    console.note(f"1/4  Pictures of something the demo checkpoint has no word for: {arguments.out / 'pictures'}")
    pictures = write_concept(arguments.out / "pictures")
    console.note(f"2/4  A new embedding, {NAME}, that starts as {DEMO_CONCEPT.init_text!r}; what it draws now")
    with NameLock(host.embeddings_dir, NAME):
        create(host, name=NAME, init_text=DEMO_CONCEPT.init_text, vectors=VECTORS, overwrite=True)
    before = _drawn(host, arguments, console)
    console.note(f"3/4  Training, {arguments.steps} steps")
    config = first_run(
        host,
        pictures=arguments.out / "pictures",
        log_dir=arguments.out / "runs",
        steps=arguments.steps,
        seed=arguments.seed,
        precision=precision_of(arguments),
    )
    finished = run_training(config, host, console)
    if finished.exit_code:
        console.say(finished.message)
        return finished.exit_code
    console.note("4/4  What it draws now")
    after = _drawn(host, arguments, console)
    page = _sheet(arguments, pictures, before, after)
    _tell(finished, page, console, right={"right_before": _right(before), "right_after": _right(after)})
    return 0


def _drawn(host: Host, arguments: argparse.Namespace, console: Console) -> list[list[Image.Image]]:
    """For each prompt a picture for each seed, with the embedding as its file is now."""
    from ..core.model.host import LeaseRequest, PictureRequest

    side = host.native_size
    plain = PictureRequest(prompt="", width=side, height=side, steps=SAMPLING_STEPS, guidance_scale=GUIDANCE_SCALE)
    prompts = [prompt.format(NAME) for prompt in PROMPTS]
    with (
        host.lease(LeaseRequest(precision=precision_of(arguments))) as lease,
        tqdm(desc="Drawing", total=len(prompts) * len(SEEDS), unit="picture", file=console.err) as bar,
    ):

        def draw(prompt: str, seed: int) -> Image.Image:
            picture = lease.picture(dataclasses.replace(plain, prompt=prompt, seed=seed), embeddings={})
            bar.update()
            return picture.image

        return [[draw(prompt, seed) for seed in SEEDS] for prompt in prompts]


def _right(drawn: list[list[Image.Image]]) -> int:
    """In how many pictures the grader sees the concept's own shape and colour."""
    from ..demo.concepts import DEMO_CONCEPT
    from ..demo.grader import Grader

    verdicts = Grader.load().grade([picture for row in drawn for picture in row])
    return sum(all(getattr(verdict, key) == value for key, value in DEMO_CONCEPT.fixed.items()) for verdict in verdicts)


def _sheet(
    arguments: argparse.Namespace,
    pictures: Sequence[Path],
    before: list[list[Image.Image]],
    after: list[list[Image.Image]],
) -> Path:
    from io import BytesIO

    from PIL import Image

    from ..core.base.files import write_bytes
    from ..demo.sheet import Compared, sheet

    compared = [
        Compared(prompt=prompt.format(NAME), before=old, after=new)
        for prompt, old, new in zip(PROMPTS, before, after, strict=True)
    ]
    page = sheet(
        title=f"{NAME}: {VECTORS} vectors, {arguments.steps} steps",
        training=[Image.open(path) for path in pictures[:_SHOWN]],
        compared=compared,
    )
    data = BytesIO()
    page.save(data, format="PNG")
    path = arguments.out / "sheet.png"
    write_bytes(path, data.getvalue())
    return path


def _tell(finished: Finished, page: Path, console: Console, *, right: dict[str, int]) -> None:
    run = Path(finished.run_dir)
    carriers = sorted((run / "image_embeddings").glob("*.png"), key=lambda path: path.stat().st_mtime)
    paths = {
        "embedding": Path(finished.embedding),
        "picture": carriers[-1] if carriers else None,
        "loss_table": run / "textual_inversion_loss.csv",
        "sheet": page,
    }
    labels = {
        "embedding": "The embedding",
        "picture": "The picture that carries it",
        "loss_table": "The loss table",
        "sheet": "Before and after",
    }
    for key, path in paths.items():
        console.say(f"{labels[key]}: {path or 'none was made'}")
    console.say(
        f"Pictures that show the concept's shape and colour: {right['right_before']} of {len(PROMPTS) * len(SEEDS)} before, "
        f"{right['right_after']} after"
    )
    console.record({key: None if path is None else str(path) for key, path in paths.items()} | right)


COMMAND = Command(
    name="demo",
    summary="train a first embedding, from start to end",
    description="Makes pictures of a concept that the demo checkpoint has no word for, trains an embedding on them, and draws the "
    "same prompts with the same seeds before and after. Takes a few minutes on two processor cores.",
    usage="[--out DIR] [--steps N]",
    examples=("demo", "demo --steps 800 --out my-demo"),
    add_options=_add_options,
    run=_run,
)

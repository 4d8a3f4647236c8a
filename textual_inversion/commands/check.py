"""`check`: look at a folder of pictures before training on it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.base.errors import InputError
from ..core.base.options import choices_of
from ..core.settings.train_config import TrainConfig
from .command import Command
from .config_options import whole_number
from .console import Console
from .shared import TEMPLATES_DIR

if TYPE_CHECKING:
    from ..core.dataset.report import CountTokens, DatasetReport
    from ..core.dataset.templates import Template

_SIZE = 512


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DIR", nargs="+", help="folders with pictures")
    parser.add_argument("--template", metavar="FILE_OR_NAME", help="the prompts that captions will stand in")
    parser.add_argument(
        "--name", metavar="NAME", help="of the embedding, where captions hold it and the template does not"
    )
    parser.add_argument("--width", type=whole_number, metavar="N", help=f"training width (default: {_SIZE})")
    parser.add_argument("--height", type=whole_number, metavar="N", help=f"training height (default: {_SIZE})")
    parser.add_argument(
        "--fit",
        choices=choices_of(TrainConfig, "fit"),
        default="center",
        help="how pictures are resized (default: center)",
    )
    parser.add_argument("--recursive", action="store_true", help="take the pictures in folders below, too")
    parser.add_argument("--vectors", type=whole_number, metavar="N", help="of the embedding that will be trained")
    parser.add_argument(
        "--init-text",
        metavar="TEXT",
        default="",
        help="what is to be learned, as 'cat': captions should not describe it",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.dataset.report import ReportInput, report
    from ..core.dataset.survey import survey
    from ..prepare.advice.advice import advice_checks

    width = _side(arguments.width, "width")
    height = _side(arguments.height, "height")
    settings = TrainConfig(
        data=tuple(arguments.data), width=width, height=height, fit=arguments.fit, recursive=arguments.recursive
    )
    template = _template(arguments.template, arguments.name)
    found = report(
        ReportInput(
            survey=survey(settings, whole=True),
            template=template,
            name=arguments.name,
            vectors=arguments.vectors,
            count_tokens=_counter() if template else None,
        ),
        more=advice_checks(learned=arguments.init_text),
    )
    console.record({**found.to_mapping(), "template_warnings": list(template.warnings) if template else []})
    if not console.json_output:
        console.say("\n".join(_lines(found, template)))
    return 2 if found.problems else 0


def _side(given: int | None, field: str) -> int:
    side = given or _SIZE
    if side < 64 or side % 8:
        raise InputError(f"{side}: the {field} must be a multiple of 8, and 64 or more.", field=field)
    return side


def _template(choice: str | None, name: str | None) -> Template | None:
    if choice is None:
        return None
    from ..core.dataset.templates import load_template, shipped_templates_dir

    return load_template(choice, [Path(TEMPLATES_DIR), shipped_templates_dir()], name=name or "")


def _counter() -> CountTokens:
    """CLIP's own count: SD 1.x, SD 2.x and SDXL share the vocabulary."""
    from ..hosts.standalone.checkpoint.tokenizer import ClipTokenizer

    tokenizer = ClipTokenizer.load("clip")
    return lambda text: len(tokenizer.encode(text))


def _lines(found: DatasetReport, template: Template | None) -> list[str]:
    notes = [*(template.warnings if template else ()), *(finding.message for finding in found.findings)]
    lines = [found.summary, *(f"- {note}" for note in notes)]
    if found.problems:
        lines += ["Cannot be used, so training would not start:", *(f"- {problem}" for problem in found.problems)]
    return lines


COMMAND = Command(
    name="check",
    summary="look at a folder of pictures before training on it",
    description="Counts the pictures and says what to look at: files that cannot be read, pictures that are too small, duplicates, "
    "captions that are missing or too long for the prompts of --template; and, as the guides advise, pictures that are too alike, one "
    "background in all, watermarks and text (suspected, not known). Exit code 2 where training could not start.",
    usage="DIR… [--template FILE_OR_NAME] [--width W --height H] [--fit F] [--recursive] [--vectors N] [--init-text TEXT]",
    examples=(
        "check photos/cat --template subject_filewords.txt --width 512 --height 512",
        "check paintings --recursive --json",
    ),
    add_options=_add_options,
    run=_run,
)

"""The layers of the project, held by what each file imports; and rules for every file that is kept."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "textual_inversion"
HEAVY = {"torch", "torchvision", "diffusers", "transformers", "open_clip", "gradio", "numpy", "PIL", "safetensors"}
HOST_PACKAGES = {"modules", "modules_forge", "backend", "ldm", "sgm", "ldm_patched"}
CORE_MAY = {"torch", "numpy", "PIL", "safetensors", "tensorboard", "regex"} | set(sys.stdlib_module_names)
LAYERS = {  # who may import which part of the package
    "core": {"core"},
    "hosts": {"core", "hosts", "demo"},
    "runs": {"core", "runs", "prepare"},
    "library": {"core", "library", "runs"},
    "web": {"core", "web", "runs", "library", "prepare"},
    "prepare": {"core", "prepare"},
    "demo": {"core", "demo", "hosts"},
    "study": {"core", "demo", "hosts", "study"},
    "ui": {"core", "runs", "web", "prepare", "ui", "hosts", "demo", "webui_start"},
    "commands": {"core", "runs", "web", "prepare", "hosts", "demo", "ui", "commands"},
    "cli": {"core", "commands", "prepare"},
    "__main__": {"cli", "environment"},
    "environment": set(),
    "host_packages": set(),
    "webui_start": {"host_packages", "hosts", "runs", "ui"},
    "__init__": set(),
}
ROOMS = {  # of core/, from the ground up: which rooms each may import
    "base": set(),
    "embedding": {"base"},
    "settings": {"base"},
    "model": {"base", "embedding"},
    "pictures": {"base", "settings"},
    "dataset": {"base", "embedding", "settings", "model", "pictures"},
    "formats": {"base", "embedding", "settings", "pictures"},
    "embeddings_folder": {"base", "embedding", "settings", "model", "pictures", "formats"},
    "loss": {"base", "embedding", "settings", "model", "dataset"},
    "update": {"base", "embedding", "settings", "loss"},
    "record": {
        "base", "embedding", "settings", "model", "pictures", "dataset", "formats", "embeddings_folder", "loss", "update",
    },
    "estimates": {"base", "settings", "model", "pictures", "record"},
    "run": {
        "base", "embedding", "settings", "model", "dataset", "formats", "embeddings_folder", "loss", "update", "record",
        "estimates",
    },
}  # fmt: skip
COMMON = {"webui_page", "recompute", "hijacked_text", "forge_objects", "diffusers_model"}
MAX_ROOM_FILES = 15
MAX_LINES, MAX_FUNCTION_LINES = 350, 70


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git clone")
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute names of all that a file imports, and the line. Relative imports are made absolute."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            if node.module and name != "textual_inversion":
                yield name, node.lineno
            else:
                yield from ((f"{name}.{alias.name}", node.lineno) for alias in node.names)


def part_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def test_parts_import_only_what_is_below_them():
    wrong = []
    for path in python_files("textual_inversion"):
        allowed = LAYERS.get(part_of(path), set())
        for name, line in imports(path):
            if name.split(".")[0] != "textual_inversion":
                continue
            target = [*name.split("."), ""][1]
            if target not in allowed | {"__version__"}:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


def rooms_of_core() -> Iterator[tuple[Path, str]]:
    """Each file of `core/` with its room."""
    for path in python_files("textual_inversion/core"):
        inside = path.relative_to(PACKAGE / "core").parts
        if len(inside) > 1:
            yield path, inside[0]


def test_rooms_of_the_core_import_only_what_stands_below():
    wrong = []
    for path, room in rooms_of_core():
        for name, line in imports(path):
            parts = name.split(".")
            if parts[:2] == ["textual_inversion", "core"] and parts[2] not in ROOMS[room] | {room}:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


def test_the_rooms_are_in_order_and_none_is_a_name_without_a_room():
    """The order of the table is an order of building: nobody stands on a room that comes later, so there is no circle."""
    order = list(ROOMS)
    assert {room for _, room in rooms_of_core()} == set(order)
    assert [room for room in order if any(order.index(below) >= order.index(room) for below in ROOMS[room])] == []


def test_core_has_no_loose_file_and_no_room_is_a_hall():
    loose = [path.name for path in (PACKAGE / "core").glob("*.py") if path.name != "__init__.py"]
    crowded = {
        str(folder.relative_to(PACKAGE)): count
        for part in ("core", "runs", "library", "web", "prepare", "hosts")
        for folder in [PACKAGE / part, *(PACKAGE / part).rglob("*/")]
        if (count := len([each for each in folder.glob("*.py") if each.name != "__init__.py"])) > MAX_ROOM_FILES
    }
    assert (loose, crowded) == ([], {})


def test_few_arrows_between_the_rooms():
    arrows = set()
    for path, room in rooms_of_core():
        for name, _ in imports(path):
            parts = name.split(".")
            if parts[:2] == ["textual_inversion", "core"] and parts[2] != room:
                arrows.add((room, parts[2]))
    assert len(arrows) <= 60


@pytest.mark.parametrize("room", ["loss", "update"])
def test_what_computes_writes_no_file(room):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in python_files(f"textual_inversion/core/{room}")
        for name, line in imports(path)
        if name in ("textual_inversion.core.base.files", "safetensors.torch")
    ]
    assert wrong == []


def test_every_part_has_a_layer():
    assert {part_of(path) for path in python_files("textual_inversion")} - set(LAYERS) == set()


@pytest.mark.parametrize(
    ("packages", "allowed_in"),
    [
        ({"gradio"}, ("ui",)),
        (HOST_PACKAGES, ("hosts",)),
        ({"diffusers", "open_clip", "tokenizers"}, ("hosts", "demo")),
        ({"transformers"}, ("hosts", "demo", "prepare")),
    ],
    ids=["gradio", "web uis", "model libraries", "transformers"],
)
def test_packages_are_imported_where_they_belong(packages, allowed_in):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in python_files("textual_inversion")
        if part_of(path) not in allowed_in
        for name, line in imports(path)
        if name.split(".")[0] in packages
    ]
    assert wrong == []


def test_the_core_stands_on_what_every_host_has():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in python_files("textual_inversion/core")
        for name, line in imports(path)
        if name.split(".")[0] not in CORE_MAY | {"textual_inversion"}
    ]
    assert wrong == []


def test_one_adapter_does_not_know_another():
    """The room of what all web UIs share is there for every adapter, and itself knows none."""
    wrong = []
    for path in python_files("textual_inversion/hosts"):
        inside = path.relative_to(PACKAGE / "hosts").parts
        if len(inside) == 1:
            continue
        for name, line in imports(path):
            parts = name.split(".")
            other = parts[2] if parts[:2] == ["textual_inversion", "hosts"] and len(parts) > 2 else inside[0]
            if other not in {inside[0], *COMMON} and (PACKAGE / "hosts" / other).is_dir():
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["run.py", "install.py", "textual_inversion/environment.py", "textual_inversion/host_packages.py"]
)
def test_what_runs_before_anything_is_installed_needs_nothing(name):
    stdlib = set(sys.stdlib_module_names) | {"textual_inversion"}
    assert {module.split(".")[0] for module, _ in imports(ROOT / name)} <= stdlib


@pytest.mark.parametrize(
    "module", ["textual_inversion", "textual_inversion.core.settings.train_config", "textual_inversion.cli"]
)
def test_importing_is_cheap(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_files_and_functions_are_short():
    long = []
    for path in [
        *python_files("textual_inversion"),
        *python_files("benchmarks"),
        *python_files("scripts"),
        ROOT / "run.py",
    ]:
        text = path.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > MAX_LINES:
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert long == []


def test_product_code_takes_no_shortcuts():
    """No asserts (gone under -O), no bare except, no eval, no unpickling."""
    found = []
    for path in python_files("textual_inversion"):
        for node in ast.walk(tree(path)):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            keywords = {keyword.arg for keyword in node.keywords} if isinstance(node, ast.Call) else set()
            if (
                isinstance(node, ast.Assert)
                or (isinstance(node, ast.ExceptHandler) and node.type is None)
                or called in {"eval", "exec", "pickle.load", "pickle.loads"}
                or (called == "torch.load" and "weights_only" not in keywords)
            ):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_no_file_names_one_machine_or_a_package_index():
    text_suffixes = {".py", ".md", ".js", ".css", ".toml", ".txt", ".yaml", ".yml", ".json", ".sh", ".cfg"}
    machine = re.compile(r"(?<![\w.~])/(work|root|tmp/hosts)/")
    index = re.compile(r"(pypi|pythonhosted|npmjs|download\.pytorch)\.(org|com)")
    wrong = []
    for path in tracked():
        if path.suffix not in text_suffixes or path == Path(__file__) or path.stat().st_size > 400_000:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1):
            if machine.search(line) or index.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}")
    assert wrong == []


CLAUSES = {"What", "Which", "Where", "How", "Whether", "Whoever", "Whose", "Who", "Whatever", "When", "Why", "That"}


def docstrings(path: Path) -> Iterator[tuple[str, int]]:
    """Each string that stands alone in a file, module, class, function and attribute docstrings alike, and its line."""
    for node in ast.walk(tree(path)):
        for statement in getattr(node, "body", None) if isinstance(getattr(node, "body", None), list) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value, statement.lineno


def test_docstrings_begin_with_a_verb_or_a_noun():
    """A page of noun clauses reads like riddles."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {text.split()[0]}"
        for folder in ("textual_inversion", "benchmarks", "scripts")
        for path in python_files(folder)
        for text, line in docstrings(path)
        if text.split()[0].strip(",:;") in CLAUSES
    ]
    assert wrong == []


TENSORS = re.compile(r"\b(Tensor|Vectors|Parameter|ndarray)\b")
SHAPE = re.compile(r"\[[^\]\n]+\]|a scalar \[\]")


def test_functions_of_core_that_take_or_give_tensors_name_their_shapes():
    """Between square brackets: ``[B, C, h, w]``, ``[vectors, width]``, ``[shape]`` where any will do."""
    silent = []
    for path in python_files("textual_inversion/core"):
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                hints = [*(each.annotation for each in arguments), node.returns]
                tensors = any(hint is not None and TENSORS.search(ast.unparse(hint)) for hint in hints)
                if tensors and not SHAPE.search(ast.get_docstring(node) or ""):
                    silent.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert silent == []

"""The code is Python 3.10, the oldest that a web UI brings, whatever newer one the tests run with."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("textual_inversion", "scripts", "benchmarks", "tests")
FILES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts
) + sorted(ROOT.glob("*.py"))
NEWER: dict[str, set[str]] = {
    "asyncio": {"TaskGroup", "Runner", "timeout"},
    "contextlib": {"chdir"},
    "datetime": {"UTC"},
    "enum": {"StrEnum", "ReprEnum", "verify", "member", "nonmember"},
    "hashlib": {"file_digest"},
    "itertools": {"batched"},
    "operator": {"call"},
    "types": {"get_original_bases"},
    "typing": {
        *("Self", "Never", "LiteralString", "Required", "NotRequired", "Unpack", "TypeVarTuple", "TypeAliasType"),
        *("override", "reveal_type", "assert_type", "assert_never", "dataclass_transform", "get_overloads"),
    },
    "warnings": {"deprecated"},
}
"""Names that came to the standard library after 3.10, by module."""
NEWER_MODULES = {"tomllib"}
NEWER_BUILTINS = {"ExceptionGroup", "BaseExceptionGroup"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_is_of_python_3_10(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 10))
    if "tests" not in path.relative_to(ROOT).parts:  # a test may skip itself where a module is not there
        assert _newer(tree) == []


def _newer(tree: ast.AST) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            found += [
                f"{node.module}.{alias.name}" for alias in node.names if alias.name in NEWER.get(node.module or "", ())
            ]
            found += [node.module] if node.module in NEWER_MODULES else []
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in NEWER_MODULES]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NEWER.get(node.value.id, ()):
                found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Name) and node.id in NEWER_BUILTINS:
            found.append(node.id)
    return found


@pytest.mark.parametrize(
    "source",
    ["import tomllib", "from typing import Self", "import datetime\nx = datetime.UTC", "raise ExceptionGroup('', [])"],
)
def test_what_is_newer_is_found(source: str) -> None:
    assert len(_newer(ast.parse(source))) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="only a newer Python can tell")
def test_newer_syntax_is_refused() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("try:\n    pass\nexcept* ValueError:\n    pass", feature_version=(3, 10))

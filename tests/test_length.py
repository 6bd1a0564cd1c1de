"""No file and no function of the package is longer than one can keep in mind."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import stylezoo

PACKAGE = Path(stylezoo.__file__).parent
FILE, FUNCTION = 350, 60  # lines


def lines(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def functions(tree: ast.AST) -> list[tuple[str, int]]:
    """Return the name of each function and how many lines it has from `def` on, its docstring aside."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            found.append((node.name, lines(node) - (lines(node.body[0]) if documented else 0)))
    return found


def test_functions_are_measured_without_their_docstrings() -> None:
    tree = ast.parse(
        'def f(\n    x,\n):\n    """Two\n    lines."""\n    return x\nclass A:\n    async def g(self): ...\n'
    )
    assert sorted(functions(tree)) == [("f", 4), ("g", 1)]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE
    assert not [(name, count) for name, count in functions(ast.parse(text)) if count > FUNCTION]

"""Imports only point down: found by reading the source, imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rflib

PACKAGE = Path(rflib.__file__).parent

# Lowest first. Within a layer no unit imports another; the packages under `analyses` are units of their own.
LAYERS = (
    {"errors"},
    {"config", "grouping", "seeding"},
    {"data", "models", "pruning", "optimisers", "store", "reported"},
    {"activations", "linearised", "training"},
    {"analyses"},
    {"sharpness"},
    {"executors"},
    {"pipeline"},
    {"tables"},
    {"claims"},
    {"figures", "sentences"},
    {"book"},
    {"cli", "__main__"},
)
HEIGHT = {unit: height for height, units in enumerate(LAYERS) for unit in units}
PUBLIC_FACE = "the package itself"


def unit_of(parts: tuple[str, ...]) -> str:
    """Return the unit that a module below the package belongs to: `data`, or `analyses.hessian`."""
    return ".".join(parts[:2] if parts[0] == "analyses" else parts[:1])


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what a module imports from rflib, as parts below the package; `package` is the module's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
            yield from (name[1:] for name in names if name[0] == "rflib" and len(name) > 1)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ("rflib", *start) if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            if module[0] == "rflib":
                yield from ((*module[1:], alias.name) for alias in node.names)


def violations(package: Path) -> list[str]:
    """Return every import that points up or to a sibling, as "FILE imports UNIT"."""
    found = []
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).with_suffix("").parts
        if module == ("__init__",):
            continue
        own = unit_of(module[:-1] if module[-1] == "__init__" else module)
        for parts in imported(ast.parse(path.read_text(encoding="utf-8")), module[:-1]):
            other = unit_of(parts) if parts[0] in HEIGHT else PUBLIC_FACE
            if parts[0].startswith("__") or other == own:
                continue
            top = other.partition(".")[0]
            if other == PUBLIC_FACE or HEIGHT[top] >= HEIGHT[own.partition(".")[0]]:
                found.append(f"{path.relative_to(package).as_posix()} imports {other}")
    return found


def test_every_module_has_a_layer() -> None:
    units = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in PACKAGE.rglob("*.py")}
    assert units - {"__init__"} <= HEIGHT.keys()


def test_imports_only_point_down() -> None:
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("data/digits.py", "from rflib.tables import trends", "tables"),
        ("data/digits.py", "import rflib.store.store", "store"),
        ("data/digits.py", "def late():\n    from rflib import store", "store"),
        ("data/digits.py", "from rflib import open_study", PUBLIC_FACE),
        ("data/digits.py", "from ..models import build", "models"),
        ("seeding.py", "from .config import ModelConfig", "config"),
        ("analyses/cka.py", "from rflib.analyses import hessian", "analyses.hessian"),
        ("analyses/hessian/product.py", "from rflib.analyses.cka import compare", "analyses.cka"),
        ("tables/__init__.py", "from rflib.figures import curves", "figures"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, path: str, source: str, expected: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(source)
    assert violations(tmp_path) == [f"{path} imports {expected}"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("data/digits.py", "from rflib.config import DataConfig\nfrom rflib import errors, __version__"),
        ("data/digits.py", "from rflib.data.splits import Split\nfrom .splits import Split\nfrom . import splits"),
        ("analyses/hessian/product.py", "from rflib.analyses.hessian import lanczos\nfrom .lanczos import x"),
        ("cli.py", "import numpy, rflib.book.site\nfrom rflib.analyses import cka"),
        ("__init__.py", "from rflib.cli import main"),
    ],
)
def test_downward_imports_pass(tmp_path: Path, path: str, source: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(source)
    assert violations(tmp_path) == []

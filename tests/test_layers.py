"""Imports only point down, in five rows, and nowhere in a circle: read from the source, functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rflib

PACKAGE = Path(rflib.__file__).parent

# Lowest first; what is in none of these packages is the library, which stands by itself.
ROWS = ("library", "study", "paper", "book", "command")
ENTRIES = {"__main__": "command"}
PUBLIC_FACE = ("__init__",)
Module = tuple[str, ...]


def row_of(module: Module) -> str:
    """Return the row of a module below the package."""
    return ENTRIES.get(module[0], module[0] if module[0] in ROWS else ROWS[0])


def imported(tree: ast.AST, package: Module) -> Iterator[Module]:
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


def imports_of(package: Path) -> dict[Module, set[Module]]:
    """Return every module below the package with the modules that it imports.

    What is imported from a package is its module of that name, else the package itself.
    """
    paths = {path.relative_to(package).with_suffix("").parts: path for path in sorted(package.rglob("*.py"))}
    known = {parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts: path for parts, path in paths.items()}
    found = {}
    for module, path in known.items():
        own = module if path.name == "__init__.py" else module[:-1]
        targets = set()
        for parts in imported(ast.parse(path.read_text(encoding="utf-8")), own if module != PUBLIC_FACE else ()):
            lengths = (parts[:length] for length in range(len(parts), 0, -1))
            targets.add(next((each for each in lengths if each in known), PUBLIC_FACE))
        found[module] = targets - {module}
    return found


def upward(imports: dict[Module, set[Module]]) -> list[str]:
    """Return every import of a higher row, or of the package itself, as "MODULE imports MODULE"."""
    return [
        f"{'.'.join(module)} imports {'.'.join(target)}"
        for module, targets in imports.items()
        if module != PUBLIC_FACE
        for target in sorted(targets)
        if target == PUBLIC_FACE or ROWS.index(row_of(target)) > ROWS.index(row_of(module))
    ]


def circles(imports: dict[Module, set[Module]]) -> list[str]:
    """Return a circle of modules for every import that closes one, as "A -> B -> A"."""
    found: list[str] = []
    done: set[Module] = set()

    def visit(module: Module, path: list[Module]) -> None:
        if module in path:
            circle = [*path[path.index(module) :], module]
            found.append(" -> ".join(".".join(each) for each in circle))
        elif module not in done:
            for target in sorted(imports.get(module, ())):
                visit(target, [*path, module])
            done.add(module)

    for module in sorted(imports):
        visit(module, [])
    return found


def test_imports_only_point_down() -> None:
    assert upward(imports_of(PACKAGE)) == []


def test_no_imports_form_a_circle() -> None:
    assert circles(imports_of(PACKAGE)) == []


def written(folder: Path, files: dict[str, str]) -> dict[Module, set[Module]]:
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
    return imports_of(folder)


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("data/digits.py", "from rflib.study import store", "data.digits imports study"),
        ("data/digits.py", "import rflib.study.store", "data.digits imports study"),
        ("data/digits.py", "def late():\n    from rflib.study import store", "data.digits imports study"),
        ("data/digits.py", "from ..study import store", "data.digits imports study"),
        ("study/origin.py", "from rflib.paper import say", "study.origin imports paper"),
        ("data/digits.py", "from rflib import open_study", "data.digits imports __init__"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, path: str, source: str, expected: str) -> None:
    packages = {f"{row}/__init__.py": "" for row in ("study", "paper")}
    assert upward(written(tmp_path, {"__init__.py": "", **packages, path: source})) == [expected]


def test_a_planted_circle_is_found(tmp_path: Path) -> None:
    files = {"a.py": "from rflib import b", "b.py": "def late():\n    from .c import x", "c.py": "import rflib.a"}
    assert circles(written(tmp_path, {"__init__.py": "", **files})) == ["a -> b -> c -> a"]


def test_downward_imports_pass(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from rflib.command import main",
        "command/__init__.py": "import numpy, rflib.book.site\nfrom rflib import cka",
        "book/__init__.py": "",
        "book/site.py": "from rflib.book import theme\nfrom .theme import x",
        "book/theme.py": "from rflib.study import study\nfrom rflib import errors",
        "study/__init__.py": "",
        "study/study.py": "from rflib.errors import UsageError",
        "cka.py": "from rflib import errors",
        "errors.py": "",
    }
    imports = written(tmp_path, files)
    assert upward(imports) == []
    assert circles(imports) == []

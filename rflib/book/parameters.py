"""The parameters of a chapter: read from its source without executing it, checked before it runs.

A chapter has exactly one cell tagged `parameters` with lines `name: type = default  # meaning`. The types are
`str`, `int`, `float`, `bool`, `list[int]`, `list[float]`, `list[str]`, each also as `TYPE | None`.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode

from rflib.book.notebooks import read_source, tagged
from rflib.errors import RflibError, UsageError, unknown

_EXAMPLES = {
    "str": "digits",
    "int": "3",
    "float": "1e-3",
    "bool": "true",
    "list[int]": "[1, 2]",
    "list[float]": "[0.5, 0.9]",
    "list[str]": "[cifar10, digits]",
}
_OPTIONAL = " | None"
PROFILE = "profile"
"""The parameter that names a profile; a chapter without it is a lesson."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter: its name, its declared type as written, its default and what it means."""

    name: str
    annotation: str
    default: Any
    meaning: str

    @property
    def kind(self) -> str:
        """The declared type without `| None`."""
        return self.annotation.removesuffix(_OPTIONAL)

    @property
    def optional(self) -> bool:
        """Whether None is allowed."""
        return self.annotation.endswith(_OPTIONAL)


def read(chapter_path: Path) -> list[Parameter]:
    """Return the parameters of the chapter at `chapter_path`, in the order of their lines.

    Raises RflibError when the chapter has not exactly one parameters cell or a line that is not
    `name: type = default  # meaning`.
    """
    return declared(read_source(chapter_path), chapter_path.stem)


def declared(notebook: NotebookNode, chapter: str) -> list[Parameter]:
    """Return the parameters that a notebook's own cell declares; `chapter` names it in errors."""
    cells = [cell for cell in notebook.cells if tagged(cell, "parameters")]
    if len(cells) != 1:
        raise RflibError(
            f"chapter '{chapter}': expected exactly one cell tagged `parameters`, found {len(cells)}; "
            "put all parameters into one code cell with `:tags: [parameters]`"
        )
    source = cells[0].source
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise _malformed(chapter, error.text or source) from error
    comments = _comments(source)
    return [_parameter(statement, comments, source, chapter) for statement in tree.body]


def reads_profile(parameters: Iterable[Parameter]) -> bool:
    """Return whether a chapter with these parameters depends on a profile."""
    return any(parameter.name == PROFILE for parameter in parameters)


def parse(parameters: Sequence[Parameter], assignments: Iterable[str]) -> dict[str, Any]:
    """Return the typed values of `NAME=VALUE` strings, each read by the parameter's declared type.

    Raises UsageError for an unknown name (with the nearest valid one), a value that is not of the declared
    type, a missing `=` and a name given twice.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        name = name.strip()
        if not separator:
            raise UsageError(f"expected NAME=VALUE, found '{assignment}'; write for example -p 'seeds=[0, 1]'")
        if name not in known:
            raise unknown("parameter", name, known)
        if name in values:
            raise UsageError(f"parameter '{name}' is given twice; give it once")
        values[name] = _from_text(known[name], text)
    return values


def check(parameters: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return typed `values` after checking names and types; an integer is accepted where a float is declared.

    Raises UsageError for an unknown name or a value of another type (a bool is not an int).
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in values:
        if name not in known:
            raise unknown("parameter", name, known)
    return {name: _checked(known[name], value) for name, value in values.items()}


def complete(parameters: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked value of every parameter: the one in `values`, else its default."""
    return {parameter.name: parameter.default for parameter in parameters} | check(parameters, values)


def _parameter(statement: ast.stmt, comments: dict[int, str], source: str, chapter: str) -> Parameter:
    line = ast.get_source_segment(source, statement) or source
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        raise _malformed(chapter, line)
    annotation = ast.unparse(statement.annotation)
    meaning = comments.get(statement.end_lineno or statement.lineno, "")
    if annotation.removesuffix(_OPTIONAL) not in _EXAMPLES or statement.value is None or not meaning:
        raise _malformed(chapter, line)
    try:
        default = ast.literal_eval(statement.value)
        parameter = Parameter(statement.target.id, annotation, default, meaning)
        return Parameter(parameter.name, annotation, _checked(parameter, default), meaning)
    except (ValueError, UsageError) as error:
        raise _malformed(chapter, line) from error


def _malformed(chapter: str, line: str) -> RflibError:
    return RflibError(
        f"chapter '{chapter}': expected parameter lines like `seeds: list[int] = [0, 1]  # meaning` with one "
        f"of the types {', '.join(_EXAMPLES)} (each also as `TYPE | None`), found `{line.strip()}`"
    )


def _comments(source: str) -> dict[int, str]:
    """Map line numbers to the text of the comment at their end."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _mismatch(parameter: Parameter, found: object) -> UsageError:
    return UsageError(
        f"parameter '{parameter.name}': expected {parameter.annotation}, found {found!r}; "
        f"write for example -p '{parameter.name}={_EXAMPLES[parameter.kind]}'"
    )


def _from_text(parameter: Parameter, text: str) -> Any:
    if parameter.optional and text.strip().lower() in ("none", "null"):
        return None
    try:
        return _READERS[parameter.kind](text)
    except (ValueError, yaml.YAMLError) as error:
        raise _mismatch(parameter, text) from error


def _bool_from_text(text: str) -> bool:
    words = {"true": True, "false": False}
    if text.strip().lower() not in words:
        raise ValueError(text)
    return words[text.strip().lower()]


def _list_from_text(element: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    def convert(text: str) -> list[Any]:
        # The base loader leaves every scalar a string, so that the declared type alone reads 1e-3 and 007.
        items = yaml.load(text, Loader=yaml.BaseLoader)
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(text)
        return [element(item) for item in items]

    return convert


_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": _bool_from_text,
    "list[int]": _list_from_text(int),
    "list[float]": _list_from_text(float),
    "list[str]": _list_from_text(str),
}


def _checked(parameter: Parameter, value: object) -> Any:
    if value is None and parameter.optional:
        return None
    try:
        return _typed(parameter.kind, value)
    except TypeError as error:
        raise _mismatch(parameter, value) from error


def _typed(kind: str, value: object) -> Any:
    """Return `value` as `kind`, or raise TypeError; bool is a subclass of int and must not pass for one."""
    if kind.startswith("list["):
        if not isinstance(value, list | tuple):
            raise TypeError(kind)
        return [_typed(kind[5:-1], item) for item in value]
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = {"str": str, "int": int, "float": float, "bool": bool}[kind]
    if not isinstance(value, expected) or (isinstance(value, bool) and kind != "bool"):
        raise TypeError(kind)
    return value

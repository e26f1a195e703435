"""When a chapter must be executed again: the state it depends on, stored beside the executed notebook."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rflib

State = dict[str, str]
"""Digests by what they describe: `source`, `parameters`, `library`, and of a profile's chapter `profile`, `content`."""


def current_state(
    chapter_path: Path, parameters: Mapping[str, Any], *, profile_path: Path | None = None, content_key: str = ""
) -> State:
    """Return the state that decides whether an executed chapter still holds.

    `content_key` is the caller's description of everything else that chapters read, such as the stored
    measurements. Without `profile_path` the chapter reads neither.
    """
    state = {
        "source": _digest(chapter_path.read_bytes()),
        "parameters": _digest(json.dumps(dict(parameters), sort_keys=True).encode()),
        "library": library_digest(),
    }
    if profile_path is None:
        return state
    profile = profile_path.read_bytes() if profile_path.is_file() else b""
    return {**state, "profile": _digest(profile), "content": _digest(content_key.encode())}


def library_digest(package: Path | None = None) -> str:
    """Return a digest of every file of the library (or another `package`) that is not a compiled cache."""
    package = package or Path(rflib.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(package)}\0{_digest(path.read_bytes())}\0".encode())
    return digest.hexdigest()


def changes(notebook: Path, state: State) -> list[str]:
    """Return which parts changed since `notebook` was executed; `notebook` if it is not as written then.

    An empty list means that it need not be executed again. An unreadable record counts as missing.
    """
    recorded = _recorded(notebook)
    if recorded is None:
        return ["notebook"]
    return [name for name, value in state.items() if recorded.get(name) != value]


def record(notebook: Path, state: State) -> None:
    """Store `state` as the one that `notebook` was executed in."""
    path = record_path(notebook)
    temporary = path.with_name(f".{path.name}.writing")
    content = {**state, "notebook": _digest(notebook.read_bytes())}
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def update_content(notebook: Path, *, content_key: str) -> None:
    """Store a newer description of the measurements for a notebook that holds for it as well."""
    recorded = _recorded(notebook)
    if recorded is not None:
        record(notebook, {**recorded, "content": _digest(content_key.encode())})


def record_path(notebook: Path) -> Path:
    """Return where the state of an executed notebook is stored: beside it, as CHAPTER.json."""
    return notebook.with_suffix(".json")


def _recorded(notebook: Path) -> State | None:
    """Return the stored state, or None when it is missing, unreadable or about other bytes."""
    try:
        recorded = json.loads(record_path(notebook).read_text(encoding="utf-8"))
        digest = _digest(notebook.read_bytes())
    except (OSError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) and recorded.get("notebook") == digest else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

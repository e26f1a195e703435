"""Building the site from the staged copy, out of sight, and exchanging it with the published one."""

from __future__ import annotations

import hashlib
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from rflib.book.freshness import library_digest
from rflib.book.kernel import interpreter_environment
from rflib.errors import RflibError

_BUILDER = "from jupyter_book.cli.main import main; main()"
_MOST_PROBLEMS = 12
_TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PROBLEM = re.compile(r"WARNING:|ERROR:|CRITICAL:|SEVERE:")
_CELL_LINE = re.compile(r"(notebooks/[\w.-]+)\.ipynb:(\d+):")
_SETTINGS = ("_config.yml", "_toc.yml")
# The builder's own leads on as well, but says nothing of an icon, so that a browser asks the server for one in vain;
# a real one would be given up halfway, since the page is left at once.
_ENTRANCE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={page}">
<link rel="canonical" href="{page}">
<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body><a href="{page}">{title}</a></body>
</html>
"""


def build_site(root: Path, staged: Path, *, output: Path | None = None, strict: bool = True) -> Path:
    """Build the site of the staged book and return its first page, `OUTPUT/index.html`.

    `output` is `ROOT/_build/html` unless given. Pages are read incrementally, but every page is written anew
    into a working folder beside `output`, which takes the place of the old site when it is complete: a reader
    sees the old site or the new one. Nothing is done when nothing changed since the last successful build.

    Raises RflibError with the builder's warnings (when `strict`) or errors; the published site then stays as
    it was.
    """
    output = output or root / "_build" / "html"
    work = output.with_name(f".{output.name}-work")
    stamp = work / "built.txt"
    state = _state(staged, strict)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == state and (output / "index.html").is_file():
        return output / "index.html"
    _prepare(work, state)
    try:
        _run_builder(staged, work, strict=strict)
    except BaseException:
        # What was read without complaint is not read again, so its warnings would be lost in the next build.
        shutil.rmtree(work, ignore_errors=True)
        raise
    _write_entrance(staged, work / "_build" / "html")
    publish(work / "_build" / "html", output)
    stamp.write_text(state, encoding="utf-8")
    return output / "index.html"


def publish(new: Path, published: Path) -> None:
    """Put the folder `new` in the place of `published` and remove the old content."""
    published.parent.mkdir(parents=True, exist_ok=True)
    if not published.exists():
        new.rename(published)
        return
    # Between the two renames the site is missing, but it is never mixed.
    aside = new.with_name(f"{new.name}-old")
    shutil.rmtree(aside, ignore_errors=True)
    published.rename(aside)
    new.rename(published)
    shutil.rmtree(aside)


def _write_entrance(staged: Path, site: Path) -> None:
    """Lead from the site's folder to the book's first page."""
    settings, contents = (yaml.safe_load((staged / name).read_text(encoding="utf-8")) for name in _SETTINGS)
    entrance = _ENTRANCE.format(page=f"{contents['root']}.html", title=html.escape(settings["title"]))
    (site / "index.html").write_text(entrance, encoding="utf-8")


def _state(staged: Path, strict: bool) -> str:
    """Return lines for each staged file, each renderer and the library: whatever a built page depends on."""
    renderers = [Path(__file__).with_name(name) for name in ("mathml.py", "reference.py", "theme.py")]
    files = sorted(path for path in staged.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(staged)} {_digest(path)}" for path in files]
    shared = [*(f"renderer {_digest(path)}" for path in renderers), f"strict {strict}"]
    return "\n".join([*shared, f"library {library_digest()}", *lines])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _prepare(work: Path, state: str) -> None:
    """Empty the working folder; keep what Sphinx has read if nothing changed that all pages share.

    Pages read without `strict` are read again with it, or their warnings would be lost.
    """
    stamp = work / "built.txt"
    previous = stamp.read_text(encoding="utf-8").splitlines() if stamp.is_file() else []
    shared = ("renderer ", "strict ", *(f"{name} " for name in _SETTINGS))
    changed = set(previous) ^ set(state.splitlines())
    if not previous or any(line.startswith(shared) for line in changed):
        shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(work / "_build" / "html", ignore_errors=True)
    stamp.unlink(missing_ok=True)
    work.mkdir(parents=True, exist_ok=True)


def _run_builder(staged: Path, work: Path, *, strict: bool) -> None:
    strictness = ["-W", "-n", "--keep-going"] if strict else []
    command = [sys.executable, "-c", _BUILDER, "build", str(staged), "--path-output", str(work), "-q"]
    finished = subprocess.run(
        [*command, *strictness],
        env={**interpreter_environment(), "NO_COLOR": "1"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if finished.returncode != 0 or not (work / "_build" / "html" / "index.html").is_file():
        raise RflibError(_explanation(finished.stdout + finished.stderr, staged))


def _explanation(log: str, staged: Path) -> str:
    lines = [_TERMINAL_COLOUR.sub("", line).strip() for line in log.splitlines() if line.strip()]
    problems = list(dict.fromkeys(_readable(line, staged) for line in lines if _PROBLEM.search(line)))
    if not problems:
        return "the site could not be built; the builder's last words:\n  " + "\n  ".join(lines[-5:])
    shown = problems[:_MOST_PROBLEMS]
    more = f"\n  … and {len(problems) - len(shown)} more" if len(problems) > len(shown) else ""
    return (
        f"the site could not be built: expected no warnings, found {len(problems)}:\n  "
        + "\n  ".join(shown)
        + more
        + "\nCorrect these places and build again; the site of the last successful build is unchanged"
    )


def _readable(line: str, staged: Path) -> str:
    """Name the repository's file instead of the staged copy; notebook lines are 10,000 × cell + line."""
    relative = line.replace(f"{staged.resolve()}/", "").replace(f"{staged}/", "")

    def named(match: re.Match[str]) -> str:
        cell, line_of_cell = divmod(int(match[2]), 10_000)
        return f"{match[1]}.md: cell {cell}, line {line_of_cell}:"

    return _CELL_LINE.sub(named, relative)

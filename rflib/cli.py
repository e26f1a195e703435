"""The `rflib` command: run, study, publish and analyse. The only place that prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rflib.errors import RflibError

app = typer.Typer(
    help="Receptive fields and neural network representations: an executable paper.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

ProfileOption = Annotated[str, typer.Option("--profile", help="A profile of notebooks/profiles.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Processes; default: as cores allow.")]


@app.command()
def book(
    profile: ProfileOption = "digits",
    chapter: Annotated[list[str] | None, typer.Option("--chapter", help="Only these chapters.")] = None,
    workers: WorkersOption = None,
) -> None:
    """Compute what is missing, execute the chapters and build the site."""
    from rflib.book import build_book, chapter_names, source_path
    from rflib.pipeline.status import content_key
    from rflib.pipeline.study import open_profile, open_study
    from rflib.store.places import project_root

    root = project_root()
    for name in chapter or []:
        source_path(root, name)
    studies = [open_study(name, profile=profile) for name in chapter or []] or [open_profile(profile)]
    for study in studies:
        _ensure(study, workers)
    page = build_book(
        root,
        chapter or chapter_names(root),
        profile=profile,
        content_key=lambda: "".join(map(content_key, studies)),
        on_progress=_say,
    )
    out.print(f"The book: {page}")


@app.command()
def run(
    chapter: str,
    parameter: Annotated[list[str] | None, typer.Option("-p", help="NAME=VALUE, as in `rflib params CHAPTER`.")] = None,
    profile: ProfileOption = "digits",
    reuse: Annotated[str | None, typer.Option(help="`published` also loads the committed results.")] = None,
    workers: WorkersOption = None,
) -> None:
    """Execute one chapter with your own parameters: a notebook and a page."""
    from rflib.book import rerun, source_path
    from rflib.book.parameters import parse, read
    from rflib.pipeline.study import open_study
    from rflib.store.places import project_root

    root = project_root()
    declared = read(source_path(root, chapter))
    values = {"profile": profile, **parse(declared, parameter or [])}
    if reuse is not None:
        values["reuse"] = reuse
    study = open_study(chapter, **values)  # checks the values before anything runs
    _ensure(study, workers)
    result = rerun(root, chapter, values, on_progress=_say)
    out.print(f"Notebook: {result.notebook}\nPage:     {result.page}")


@app.command()
def params(chapter: str) -> None:
    """Show a chapter's parameters: name, type, default, meaning."""
    from rflib.book import source_path
    from rflib.book.parameters import read
    from rflib.store.places import project_root

    rows = [[p.name, p.annotation, repr(p.default), p.meaning] for p in read(source_path(project_root(), chapter))]
    _table(["name", "type", "default", "meaning"], rows)


@app.command()
def study(profile: ProfileOption = "digits", workers: WorkersOption = None) -> None:
    """Compute everything a profile lacks, without notebooks."""
    from rflib.pipeline.study import open_profile

    _ensure(open_profile(profile), workers)


@app.command()
def status(profile: ProfileOption = "digits") -> None:
    """Show what a profile has and lacks, and about how long the rest takes."""
    from rflib.pipeline.status import status as status_of
    from rflib.pipeline.study import open_profile

    found = status_of(open_profile(profile))
    _table(["analysis", "done", "missing"], found.counts.astype(str).to_numpy().tolist())
    if found.missing_seconds is None:
        out.print("No training run is finished yet, so the cost of the rest is unknown.")
    else:
        out.print(f"Estimated training time that is left, on one worker: {found.missing_seconds / 60:.1f} minutes")


@app.command()
def publish(profile: ProfileOption = "digits") -> None:
    """Copy a profile's finished measurements to results/."""
    from rflib.pipeline.study import open_profile
    from rflib.store import Store
    from rflib.store.places import results_root
    from rflib.store.published import publish as publish_to

    everything = open_profile(profile)
    keys = [item.key for item in everything.items]
    publish_to(everything.store, Store(results_root()), keys, profile, everything.profile.model_dump(mode="json"))
    out.print(f"Published {len(keys)} measurements of profile '{profile}' to {results_root()}")


@app.command()
def verify() -> None:
    """Check that the published measurements are intact, listed and up to date."""
    from rflib.pipeline.verification import verify_published

    count, faults = verify_published()
    if faults:
        raise RflibError("the published results do not hold:\n" + "\n".join(f"- {fault}" for fault in faults))
    out.print(f"{count} published measurements are intact, listed and up to date.")


@app.command()
def gc(
    corrupt: Annotated[bool, typer.Option("--corrupt", help="Move damaged objects to quarantine/.")] = False,
) -> None:
    """Remove the leftovers of dead runs; what is complete stays."""
    from rflib.store import Store
    from rflib.store.places import runs_root

    removed = Store(runs_root()).collect_garbage(quarantine_corrupt=corrupt)
    for path in removed:
        out.print(str(path))
    out.print(f"{len(removed)} leftovers removed from {runs_root()}")


@app.command()
def download(name: str) -> None:
    """Download a data set (cifar10 or tiny-imagenet) into RFLIB_DATA and check it."""
    from rflib.data.downloads import download as fetch
    from rflib.store.places import data_root

    out.print(f"{name}: {fetch(name, data_root=data_root())}")


@app.command()
def analyse(
    model: str,
    resolution: Annotated[int, typer.Option(min=1, help="Side of the images in pixels.")] = 32,
    pool_kernel: Annotated[int, typer.Option(min=1, help="Kernel k of the pool, for rf_ networks.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the receptive fields of a network: rf_resnet50, torchvision:resnet50 or path/to/file.py:ClassName."""
    from rflib.pipeline.inspection import inspect_network

    found = inspect_network(model, resolution=resolution, pool_kernel=pool_kernel)
    if as_json:
        sys.stdout.write(json.dumps(found.as_values(), indent=2) + "\n")
        return
    _table(list(found.headings), [list(row) for row in found.rows])
    out.print(found.summary)


def main() -> None:
    """Run the command; a failure is a short message and an exit code, a traceback only with --debug."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(args=arguments, prog_name="rflib")
    except RflibError as error:
        if debug:
            raise
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted: what is complete is kept, the same command goes on from there", 130)
    except Exception as error:
        if debug:
            raise
        _fail(f"unexpected {type(error).__name__}: {error}\nThis is a fault of rflib; --debug shows where it is.", 1)


def _fail(message: str, code: int) -> None:
    err.print(f"rflib: {escape(message)}", highlight=False)
    sys.exit(code)


def _say(line: str) -> None:
    err.print(escape(line), highlight=False)


def _ensure(study: Any, workers: int | None) -> None:
    with _progress(f"computing {study.profile.name}") as advance:
        outcome = study.ensure(workers=workers, on_progress=advance)
    _say(f"{study.chapter} ({study.profile.name}): {outcome}")


@contextmanager
def _progress(title: str) -> Any:
    """Give a callback (done, total) that draws a bar on a terminal and says one line per tenth elsewhere."""
    if err.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _tenths(title)


def _tenths(title: str) -> Callable[[int, int], None]:
    said = 0

    def advance(done: int, total: int) -> None:
        nonlocal said
        if done * 10 // total > said:
            said = done * 10 // total
            _say(f"{title}: {done} of {total} measurements")

    return advance


def _table(headings: list[str], rows: list[list[str]]) -> None:
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    # Wide enough that no cell is cut where the output is piped.
    Console(width=None if out.is_terminal else 200).print(table)


if __name__ == "__main__":
    main()

"""What the command offers. Imports are inside the commands, so that each loads only what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from rflib.command.analyse import analyse
from rflib.command.plan import show_plan
from rflib.command.terminal import progress, say, show, show_table
from rflib.errors import RflibError, UsageError

if TYPE_CHECKING:
    from rflib.study.executors import Executor
    from rflib.study.study import Study


class Interrupted(RflibError):
    """Ctrl-C; the exit code is the one that shells give it."""

    exit_code = 130


class _Commands(TyperGroup):
    """The commands; an interrupt becomes a message here, because typer would end without one."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted: what is complete is kept, the same command goes on from there") from None


app = typer.Typer(
    cls=_Commands,
    help="Receptive fields and neural network representations: an executable paper.",
    epilog="--debug, anywhere, shows the traceback of a failure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Chapter = Annotated[str, typer.Argument(help="A chapter of notebooks/, such as accuracy-and-pruning.")]
ProfileOption = Annotated[str, typer.Option("--profile", help="A profile of notebooks/profiles.")]
ReuseOption = Annotated[str | None, typer.Option("--reuse", help="`published` also loads the committed results.")]
CompareOption = Annotated[
    str | None, typer.Option("--compare", help="`published` also shows each published figure and table.")
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Processes; default: as cores allow.")]
ExecutorOption = Annotated[
    str, typer.Option("--executor", help="Where missing work runs: `processes` of this machine, `serial` or `ray`.")
]
AddressOption = Annotated[
    str | None, typer.Option("--address", help="Ray cluster, HOST:PORT or auto; default: RAY_ADDRESS, or this machine.")
]
GpuShareOption = Annotated[
    float | None, typer.Option("--gpu-share", help="Share of a graphics card for one run on Ray; default: 1.")
]


@app.command()
def book(
    profile: ProfileOption = "digits",
    chapter: Annotated[list[str] | None, typer.Option("--chapter", help="Only these chapters.")] = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    address: AddressOption = None,
    gpu_share: GpuShareOption = None,
) -> None:
    """Compute what is missing, execute the chapters and build the site."""
    from rflib.book import build_book, chapter_names, source_path
    from rflib.book.published import stale_readings
    from rflib.study.executors import chosen
    from rflib.study.plans import measures
    from rflib.study.profiles import PUBLISHED
    from rflib.study.status import content_key
    from rflib.study.store.places import project_root
    from rflib.study.study import open_profile, open_study

    place = chosen(executor, workers=workers, address=address, gpu_share=gpu_share)
    root = project_root()
    measuring = [name for name in chapter or [] if measures(source_path(root, name).stem)]
    studies = [open_study(name, profile=profile) for name in measuring] if chapter else [open_profile(profile)]
    for study in studies:
        _ensure(study, place)
    if profile == PUBLISHED:
        _refuse("what people read from the published results does not hold", stale_readings(root))
    page = build_book(
        root,
        chapter or chapter_names(root),
        profile=profile,
        content_key=lambda: "".join(map(content_key, studies)),
        on_progress=say,
    )
    show(f"The book: {page}")


@app.command()
def run(
    chapter: Chapter,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME=VALUE", help="A parameter; `rflib params CHAPTER` shows them."),
    ] = None,
    profile: ProfileOption = "digits",
    reuse: ReuseOption = None,
    compare: CompareOption = None,
    workers: WorkersOption = None,
) -> None:
    """Execute one chapter with your own parameters: a notebook and a page."""
    from rflib.book import rerun, source_path
    from rflib.book.parameters import PROFILE, complete, parse, read, reads_profile
    from rflib.study.executors import Processes
    from rflib.study.overrides import OVERRIDES
    from rflib.study.plans import measures
    from rflib.study.profiles import PUBLISHED
    from rflib.study.store.places import project_root
    from rflib.study.study import open_study

    if compare not in (None, PUBLISHED):
        raise UsageError(f"--compare: expected `{PUBLISHED}`, found '{compare}'")
    root = project_root()
    declared = read(source_path(root, chapter))
    settings = {PROFILE: profile} if reads_profile(declared) else {}
    given = {**settings, **({"reuse": reuse} if reuse else {}), **parse(declared, parameter or [])}
    values = complete(declared, given)
    if measures(chapter):
        # A chapter may have parameters of its own; the study knows only those that change what is measured.
        known = {name: value for name, value in values.items() if name in OVERRIDES | {"profile", "reuse"}}
        _ensure(open_study(chapter, **known), Processes(workers=workers))
    result = rerun(root, chapter, values, compare=compare is not None, on_progress=say)
    show(f"Notebook: {result.notebook}\nPage:     {result.page}")


@app.command()
def notebooks(folder: Annotated[Path, typer.Argument(help="Where to write them, such as run/.")]) -> None:
    """Write every chapter as a notebook that runs by itself, in Jupyter, on Binder or on Colab."""
    from rflib.book import chapter_names
    from rflib.book.offers import runnable_notebooks
    from rflib.book.staging import repository_of
    from rflib.study.store.places import project_root

    root = project_root()
    folder.mkdir(parents=True, exist_ok=True)
    found = runnable_notebooks(root, chapter_names(root), repository=repository_of(root))
    for name, content in found.items():
        (folder / name).write_bytes(content)
    show(f"{len(found)} notebooks in {folder}")


@app.command()
def pdf() -> None:
    """Print the built book: all of its pages in one PDF."""
    from rflib.book.pdf import print_book
    from rflib.study.store.places import project_root

    show(f"The book on paper: {print_book(project_root())}")


@app.command()
def params(chapter: Chapter) -> None:
    """Show a chapter's parameters: name, type, default, meaning."""
    from rflib.book import source_path
    from rflib.book.parameters import read
    from rflib.study.store.places import project_root

    rows = [[p.name, p.annotation, repr(p.default), p.meaning] for p in read(source_path(project_root(), chapter))]
    show_table(["name", "type", "default", "meaning"], rows)


@app.command()
def study(
    profile: ProfileOption = "digits",
    reuse: ReuseOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    address: AddressOption = None,
    gpu_share: GpuShareOption = None,
) -> None:
    """Compute everything a profile lacks, without notebooks."""
    from rflib.study.executors import chosen
    from rflib.study.study import open_profile

    place = chosen(executor, workers=workers, address=address, gpu_share=gpu_share)
    _ensure(open_profile(profile, reuse=reuse), place)


@app.command()
def status(
    profile: ProfileOption = "digits",
    reuse: ReuseOption = None,
    plan: Annotated[bool, typer.Option("--plan", help="What the training costs, chapter by chapter.")] = False,
    tflops: Annotated[
        float | None, typer.Option(min=0.001, help="TFLOP/s that a card reaches; default: as finished runs did.")
    ] = None,
) -> None:
    """Show what a profile has and lacks, what runs now, what it has cost and about what the rest takes."""
    from rflib.study.status import status as status_of
    from rflib.study.study import open_profile

    if plan:
        show_plan(profile, tflops)
        return
    if tflops is not None:
        raise UsageError("--tflops belongs to --plan: expected both")
    found = status_of(open_profile(profile, reuse=reuse))
    show_table(["analysis", "done", "missing"], found.counts.astype(str).to_numpy().tolist())
    show("\n".join(found.lines))


@app.command()
def publish(profile: ProfileOption = "digits") -> None:
    """Copy a profile's finished measurements to results/, and decide the claims by them."""
    from rflib.book.lessons import publish_lessons
    from rflib.book.published import write_summaries
    from rflib.study.publishing import publish_study
    from rflib.study.store.places import project_root, results_root
    from rflib.study.study import open_profile

    published = publish_study(open_profile(profile))
    write_summaries()
    publish_lessons(project_root(), on_progress=say)
    count = f"{len(published.measurements)} of {published.planned} measurements"
    show(f"Published: {count} of profile '{profile}', in {results_root()}")


@app.command()
def verify() -> None:
    """Check that the published measurements are intact, and that claims, picture and readings follow from them."""
    from rflib.book.lessons import stale_lessons
    from rflib.book.published import stale_readings, stale_summaries
    from rflib.study.store.places import project_root
    from rflib.study.verification import verify_published

    count, faults = verify_published()
    if count and not faults:
        root = project_root()
        faults = [*stale_summaries(), *stale_readings(root), *stale_lessons(root)]
    _refuse("the published results do not hold", faults)
    show(f"{count} published measurements are intact, listed and up to date.")


@app.command()
def gc(
    corrupt: Annotated[bool, typer.Option("--corrupt", help="Move damaged objects to quarantine/.")] = False,
) -> None:
    """Remove the leftovers of dead runs; what is complete stays."""
    from rflib.study.store import Store
    from rflib.study.store.places import runs_root

    removed = Store(runs_root()).collect_garbage(quarantine_corrupt=corrupt)
    for path in removed:
        show(str(path))
    show(f"{len(removed)} leftovers cleared from {runs_root()}")


@app.command()
def download(name: Annotated[str, typer.Argument(help="cifar10 or tiny-imagenet.")]) -> None:
    """Download a data set into RFLIB_DATA and check it."""
    from rflib.data.downloads import download as fetch
    from rflib.study.store.places import data_root

    show(f"{name}: {fetch(name, data_root=data_root())}")


app.command()(analyse)


def _refuse(what: str, faults: Sequence[str]) -> None:
    """Stop with what is wrong, a line each, if anything is."""
    if faults:
        raise RflibError("\n".join([f"{what}:", *(f"- {fault}" for fault in faults)]))


def _ensure(study: Study, executor: Executor) -> None:
    if not study.items:
        return
    with progress(f"computing {study.profile.name}") as advance:
        outcome = study.ensure(executor=executor, on_progress=advance)
    say(f"{study.chapter} ({study.profile.name}): {outcome}")

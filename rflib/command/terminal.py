"""How the command speaks: results on standard output, everything else on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

# Wide enough that no cell is cut where the output is piped.
_PIPED_COLUMNS = 200


def show(text: str) -> None:
    """Print a result."""
    Console(soft_wrap=True).print(escape(text), highlight=False)


def say(line: str) -> None:
    """Print a line for the person who waits."""
    Console(stderr=True, soft_wrap=True).print(escape(line), highlight=False)


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table without borders."""
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console()
    Console(width=None if console.is_terminal else _PIPED_COLUMNS).print(table)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callback (done, total) that draws a bar on a terminal and says one line per tenth elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _tenths(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _tenths(title: str) -> Callable[[int, int], None]:
    said = 0

    def advance(done: int, total: int) -> None:
        nonlocal said
        if done * 10 // total > said:
            said = done * 10 // total
            say(f"{title}: {done} of {total} measurements")

    return advance

"""Every benchmark in one table, ratios within one run; the rows are kept as JSON.

`python -m benchmarks.run` runs all but hessian_large, which takes an hour and a quarter, and
`python -m benchmarks.run cka gpu` these two. With `--rehearse` all run, too small to mean anything: does
everything work?
"""

from __future__ import annotations

import argparse
import importlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.row import Row
from benchmarks.timing import timed

SUBJECTS = ("hessian", "cka", "training", "gpu", "layers", "noise", "zoo", "nothing_to_do")
ON_REQUEST = {"hessian_large": "an hour and a quarter"}
OUTPUT = Path(__file__).resolve().parents[1] / "_build" / "benchmarks.json"
COLUMNS = ("what", "against", "ours", "theirs", "unit", "ratio", "must", "aim", "verdict", "note")
WIDTH = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the subjects named, print one row a comparison and keep the rows of each subject."""
    given = _parsed(arguments)
    rehearsal, console = given.rehearse, Console(width=WIDTH)
    subjects = given.subject or [*SUBJECTS, *(ON_REQUEST if rehearsal else ())]
    rows: list[Row] = []
    for subject in subjects:
        found, facts = measured(subject, rehearsal)
        rows += found
        if not rehearsal:
            keep(subject, found, facts, given.output)
    console.print(table(rows, "a rehearsal: too small to mean anything" if rehearsal else None))
    for name, cost in ON_REQUEST.items():
        if name not in subjects:
            console.print(f"not run: {name} ({cost}); python -m benchmarks.run {name}")


def measured(subject: str, rehearsal: bool) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of one subject, and the facts of the machine with the seconds that they took."""
    facts = machine.facts()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of other tools
        module = importlib.import_module(f"benchmarks.{subject}")
        taken_s, rows = timed(lambda: module.measure(rehearsal))
    return rows, {**facts, "seconds": float(f"{taken_s:.3g}")}


def keep(subject: str, rows: Sequence[Row], facts: dict[str, Any], output: Path) -> None:
    """Write the rows of one subject into the JSON file; those of the other subjects stay."""
    kept = json.loads(output.read_text(encoding="utf-8")) if output.is_file() else {}
    kept[subject] = {"machine": facts, "rows": [row.as_values() for row in rows]}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def table(rows: Sequence[Row], title: str | None = None) -> Table:
    """Return the rows as a table; numbers are aligned and have three digits."""
    result = Table(title=title)
    for column in COLUMNS:
        number = column in ("ours", "theirs", "ratio", "must", "aim")
        result.add_column(column, justify="right" if number else "left", no_wrap=number)
    for row in rows:
        result.add_row(*(_cell(getattr(row, column)) for column in COLUMNS))
    return result


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.3g}"


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    names = (*SUBJECTS, *ON_REQUEST)
    parser.add_argument("subject", nargs="*", help=f"one of {', '.join(names)}; default: all but those on request")
    parser.add_argument("--rehearse", action="store_true", help="small sizes; nothing is kept")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the rows are kept")
    given = parser.parse_args(arguments)
    for subject in given.subject:
        if subject not in names:
            parser.error(f"expected a subject of {', '.join(names)}, found '{subject}'")
    return given


if __name__ == "__main__":
    main()

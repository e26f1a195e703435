"""Every benchmark in one table: ratios within one run, kept as JSON under `_build/`."""

from __future__ import annotations

import json
from pathlib import Path

import cka
import hessian
import training
from rich.console import Console
from rich.table import Table

OUTPUT = Path(__file__).resolve().parents[1] / "_build" / "benchmarks.json"
COLUMNS = ("what", "peer", "ours_s", "peer_s", "ratio", "note")


def main() -> None:
    """Run all benchmarks, print one row a comparison and keep the numbers."""
    rows = [row for module in (training, hessian, cka) for row in module.measure()]
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(str(row[column]) for column in COLUMNS))
    Console(width=200).print(table)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

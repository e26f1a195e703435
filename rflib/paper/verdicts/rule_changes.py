"""What was changed in the rules of verdicts after results existed, with the verdicts before and after."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

FROZEN = "2026-12-01"
"""The day on which every rule and margin was fixed last; a later change adds a row to the list of changes."""


def changes() -> pd.DataFrame:
    """Return one row a change of rules that came after results, in order of time, as text.

    Columns: `date`, `claims`, `rule_before`, `rule_after`, `verdict_before` and `verdict_after` (on the measurements of
    that day, "" where it is about many claims), `why`.
    """
    with files("rflib.paper.verdicts").joinpath("rule_changes.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str, keep_default_na=False)

"""The ledger: every measurement of a study with its seeds, commits, devices and time, and what each chapter costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rflib.study.origin import Origin, Source
from rflib.study.study import Study, describe

_SECONDS_PER_HOUR = 3600.0


def measurements(study: Study) -> pd.DataFrame:
    """Return one row an analysis and network: how many measurements, of which runs and seeds, where, and hours."""
    groups: dict[tuple[str, str], list[Source]] = {}
    for item in study.items:
        groups.setdefault((item.key.analysis, describe(item)["architecture"]), []).append(study.source(item))
    rows = [
        {"analysis": analysis, "architecture": architecture, **_facts(sources)}
        for (analysis, architecture), sources in sorted(groups.items())
    ]
    return pd.DataFrame(rows)


def every_measurement(study: Study) -> pd.DataFrame:
    """Return one row a measurement: its name, network and seeds, the commit and device, and seconds."""
    rows = []
    for item in sorted(study.items, key=lambda item: item.key.name):
        source, network = study.source(item), describe(item)
        rows.append(
            {
                "measurement": source.name,
                "architecture": network["architecture"],
                "pool_kernel": network.get("pool_kernel"),
                "seeds": _listed(sorted(set(source.seeds))),
                "commit": source.commit,
                "device": source.device,
                "seconds": round(source.seconds, 1),
            }
        )
    return pd.DataFrame(rows).astype({"pool_kernel": "Int64"}) if rows else pd.DataFrame()


def costs(studies: Mapping[str, Study]) -> pd.DataFrame:
    """Return one row a chapter with what its measurements took, in hours on the device that made them.

    `training_hours` are those of the runs it looks at, `measuring_hours` everything else. Chapters share runs:
    `new_hours` leaves out what a chapter before it has counted.
    """
    seen: set[str] = set()
    rows = []
    for chapter, study in studies.items():
        sources = {item.key.name: study.source(item) for item in study.items}
        runs = {item.key.name for item in study.items if item.key.analysis == "history"}
        parts = {
            "training_hours": sources.keys() & runs,
            "measuring_hours": sources.keys() - runs,
            "new_hours": sources.keys() - seen,
        }
        hours = {column: _hours([sources[name] for name in names]) for column, names in parts.items()}
        rows.append({"chapter": chapter, "measurements": len(sources), **hours})
        seen |= sources.keys()
    return pd.DataFrame([row for row in rows if row["measurements"]])


def _facts(sources: Sequence[Source]) -> dict[str, object]:
    found = Origin.of(sources).described()
    return {
        "measurements": len(found["measurements"]),
        "networks": found["networks"],
        "seeds": _listed(found["seeds"]),
        "commits": _listed(found["commits"]),
        "devices": _listed(found["devices"]),
        "hours": _hours(sources),
    }


def _hours(sources: Sequence[Source]) -> float:
    return sum(sorted(source.seconds for source in sources)) / _SECONDS_PER_HOUR


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values)

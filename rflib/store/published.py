"""What is published: measurements copied into `results/`, and the index that lists them by profile."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from rflib.config import SCHEMA, MeasurementKey
from rflib.config.settings import Settings
from rflib.errors import StoreError, UsageError
from rflib.store.commit import replace_file
from rflib.store.encoding import json_bytes
from rflib.store.layout import INDEX
from rflib.store.store import Store


class PublishedData(Settings):
    """A data set that published measurements were made on."""

    name: str
    fingerprint: str


class PublishedProfile(Settings):
    """One published profile: its settings, the names of its measurements, its data sets."""

    settings: dict[str, Any]
    measurements: tuple[str, ...]
    data: tuple[PublishedData, ...]


class Index(Settings):
    """The published profiles by name."""

    profiles: dict[str, PublishedProfile] = Field(default_factory=dict)

    @classmethod
    def load(cls, results_root: Path) -> Index:
        """Return the index of a results folder, empty when nothing was published; `StoreError` if damaged."""
        path = results_root / INDEX
        try:
            content = json.loads(path.read_bytes())
            if content.pop("schema") != SCHEMA:
                raise ValueError(f"expected schema {SCHEMA}")
            return cls.checked(content)
        except FileNotFoundError:
            return cls()
        except (ValueError, TypeError, KeyError, AttributeError, UsageError) as error:
            raise StoreError(f"{path} is damaged ({error}): restore it from git or publish again") from None

    def bytes(self) -> bytes:
        """Return the text of the index file, the same for the same content."""
        return json_bytes({"schema": SCHEMA, **self.model_dump(mode="json")}, INDEX)


def publish(
    store: Store,
    results: Store,
    keys: Iterable[MeasurementKey],
    profile_name: str,
    settings: Mapping[str, Any],
) -> PublishedProfile:
    """Copy finished measurements byte for byte into `results` and list them in its index by profile.

    A measurement that is already published stays. Raises `StoreError`, before it writes, if one is missing.
    """
    results.check_writable()
    wanted = {key.name: key for key in keys}
    missing = sorted(name for name, key in wanted.items() if not store.has_measurement(key))
    if missing:
        raise StoreError(
            f"{len(missing)} of {len(wanted)} measurements of profile '{profile_name}' are missing, such as "
            f"{missing[0]}: run `rflib study --profile {profile_name}` first"
        )
    profile = PublishedProfile(settings=dict(settings), measurements=tuple(sorted(wanted)), data=_data(wanted.values()))
    for name in profile.measurements:
        results.copy_measurement(wanted[name], store)
    # Two profiles published at once would each write an index without the other.
    with store.claim("publish"):
        profiles = {**Index.load(results.root).profiles, profile_name: profile}
        replace_file(results.root / INDEX, Index(profiles=profiles).bytes())
    return profile


def _data(keys: Iterable[MeasurementKey]) -> tuple[PublishedData, ...]:
    found = {(run.config.data.name, run.config.data.fingerprint) for key in keys for run in key.runs}
    return tuple(PublishedData(name=name, fingerprint=fingerprint) for name, fingerprint in sorted(found))

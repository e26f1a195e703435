"""What is published: measurements copied into `results/`, and the index that lists them by profile."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from rflib.config import SCHEMA, DataFacts, MeasurementKey
from rflib.config.settings import Settings
from rflib.errors import StoreError, UsageError
from rflib.study.store.commit import replace_file
from rflib.study.store.encoding import json_bytes
from rflib.study.store.layout import INDEX
from rflib.study.store.store import Store


class PublishedProfile(Settings):
    """One published profile: its settings, the names of its measurements, how many it plans, its data by role."""

    settings: dict[str, Any]
    measurements: tuple[str, ...]
    planned: int
    data: dict[str, DataFacts]


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

    @property
    def listed(self) -> frozenset[str]:
        """The names of all published measurements."""
        return frozenset(name for profile in self.profiles.values() for name in profile.measurements)


def publish(
    store: Store,
    results: Store,
    keys: Iterable[MeasurementKey],
    profile_name: str,
    settings: Mapping[str, Any],
    data: Mapping[str, DataFacts],
) -> PublishedProfile:
    """Copy the finished ones of `keys` byte for byte into `results` and list them in its index under the profile.

    A measurement that is already published stays; one that no profile lists any more goes. Raises `StoreError`,
    before it writes, if none of the profile's measurements is finished.
    """
    results.check_writable()
    wanted = {key.name: key for key in keys}
    finished = [key for key in wanted.values() if store.has_measurement(key)]
    names = {key.name for key in finished} | {name for name, key in wanted.items() if results.has_measurement(key)}
    if not names:
        raise StoreError(
            f"none of the {len(wanted)} measurements of profile '{profile_name}' is finished in {store.root}: "
            f"run `rflib study --profile {profile_name}` first"
        )
    for key in finished:
        results.copy_measurement(key, store)
    profile = PublishedProfile(
        settings=dict(settings), measurements=tuple(sorted(names)), planned=len(wanted), data=dict(data)
    )
    # Two profiles published at once would each write an index without the other.
    with store.lock("publish"):
        index = Index(profiles={**Index.load(results.root).profiles, profile_name: profile})
        replace_file(results.root / INDEX, index.bytes())
        results.keep_measurements(index.listed)
    return profile

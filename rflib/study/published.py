"""The profile "published": what the committed results list, whatever profiles it was computed under."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rflib.config import DataFacts
from rflib.errors import UsageError
from rflib.study.plans import Item, plan
from rflib.study.profiles import PUBLISHED, Profile, RoleName
from rflib.study.store.published import Index


@dataclass(frozen=True)
class Published:
    """What describes a study of what is published: the data set of each role, the profile behind each measurement.

    `planned` is how many measurements those profiles plan for the chapter, published or not.
    """

    data: Mapping[RoleName, DataFacts]
    computed_under: Mapping[str, str]
    planned: int


def published_items(
    index: Index, chapter: str, adjust: Callable[[Profile], Profile]
) -> tuple[tuple[Item, ...], Published]:
    """Return those measurements of `chapter` that the index lists, under each profile as `adjust` leaves it."""
    shown, listed, planned = _shown(index), [], set[str]()
    for name, profile in _profiles(index).items():
        items = [item for item in plan(chapter, adjust(profile)) if shown[item.role] == name]
        finished = set(index.profiles[name].measurements)
        listed += [item for item in items if item.key.name in finished]
        planned |= {item.key.id for item in items}
    data = {role: index.profiles[name].data[role] for role, name in shown.items()}
    computed = {measured: name for name, entry in index.profiles.items() for measured in entry.measurements}
    return tuple(listed), Published(data, computed, len(planned))


def published_profile(index: Index) -> Profile:
    """Return one profile that joins what is published, each role from the profile that shows it."""
    profiles, shown = _profiles(index), _shown(index)
    first = next(iter(profiles.values()))
    roles = {str(role): profiles[name].roles[role] for role, name in shown.items()}
    description = "; ".join(profiles[name].description for name in dict.fromkeys(shown.values()))
    # A role of the first profile that another one shows is replaced; one that nobody shows cannot be.
    changes: dict[str, Any] = {**roles, "name": PUBLISHED, "description": description}
    return first.model_copy(update=changes)


def _shown(index: Index) -> dict[RoleName, str]:
    """Return, for each role, the profile that shows it: of those that fill it, the one with the widest networks."""
    profiles = _profiles(index)
    widest = sorted(profiles.values(), key=lambda profile: profile.width)
    return {role: profile.name for profile in widest for role in profile.roles}


def _profiles(index: Index) -> dict[str, Profile]:
    if not index.profiles:
        raise UsageError(
            "nothing is published: expected measurements in results/. Compute some with `rflib study --profile P` "
            "and copy them with `rflib publish --profile P`"
        )
    return {name: Profile.checked(entry.settings) for name, entry in index.profiles.items()}

"""A reader's own parameters laid over a profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from rflib.config import Architecture
from rflib.errors import UsageError, unknown
from rflib.study.profiles import Profile, Role


def override(profile: Profile, values: dict[str, Any]) -> Profile:
    """Return `profile` with every value that is not None put in the place of its own, validated.

    Names: architectures, pool_kernels, seeds, rates, width, epochs, learning_rate, fine_tuning_epochs,
    eigenvalues. An architecture that the profile's grid lacks takes the kernels of the first one.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        if name not in OVERRIDES:
            raise unknown("parameter", name, OVERRIDES)
    changed: dict[str, Any] = profile.model_dump()
    changed |= {name: given[name] for name in _PROFILE if name in given}
    for name, role in profile.roles.items():
        values_of_role = role.model_dump()
        for parameter, value in given.items():
            if parameter in _ROLE:
                _ROLE[parameter](values_of_role, role, value)
            blocks = {name: block.overridden(parameter, value) for name, block in role.blocks.items()}
            values_of_role |= {name: block.model_dump() for name, block in blocks.items()}
        changed[name] = values_of_role
    return Profile.checked(changed, source="parameters")


def _architectures(values: dict[str, Any], role: Role, chosen: Sequence[str]) -> None:
    _require_list("architectures", chosen)
    # The others have no pool kernels to be listed under.
    known = [name for name in get_args(Architecture) if name.startswith("rf_")]
    for name in chosen:
        if name not in known:
            raise unknown("architecture", name, known)
    kernels = values["pool_kernels"]
    first = next(iter(kernels.values()), (1,))
    values["pool_kernels"] = {name: kernels.get(name, first) for name in chosen}


def _pool_kernels(values: dict[str, Any], role: Role, chosen: Sequence[int]) -> None:
    _require_list("pool_kernels", chosen)
    values["pool_kernels"] = dict.fromkeys(values["pool_kernels"], chosen)


def _seeds(values: dict[str, Any], role: Role, chosen: Sequence[int]) -> None:
    values |= dict.fromkeys(("seeds", "spectrum_seeds", "initial_spectrum_seeds"), chosen)
    values["fine_tuning_seeds"] = {}


def _rates(values: dict[str, Any], role: Role, chosen: Sequence[float]) -> None:
    if values["calibrated"] is not None:
        values["calibrated"] |= {"rates": chosen}


def _epochs(values: dict[str, Any], role: Role, epochs: int) -> None:
    values["training"] |= {"epochs": epochs, "cosine_period_epochs": None}


def _learning_rate(values: dict[str, Any], role: Role, rate: float) -> None:
    values["training"] |= {"learning_rate": rate}


def _fine_tuning_epochs(values: dict[str, Any], role: Role, epochs: int) -> None:
    values["fine_tuning"] |= {"epochs": epochs, "cosine_period_epochs": None}


def _eigenvalues(values: dict[str, Any], role: Role, count: int) -> None:
    if values["spectrum"] is not None:
        values["spectrum"] |= {"eigenvalues": count}


def _require_list(parameter: str, chosen: object) -> None:
    if isinstance(chosen, str) or not isinstance(chosen, Sequence):
        raise UsageError(f"{parameter}: expected a list, found {chosen!r}")
    if not chosen:
        raise UsageError(f"{parameter}: expected at least one, found an empty list")


_PROFILE = {"rates", "width"}
_ROLE: dict[str, Callable[[dict[str, Any], Role, Any], None]] = {
    "architectures": _architectures,
    "pool_kernels": _pool_kernels,
    "seeds": _seeds,
    "rates": _rates,
    "epochs": _epochs,
    "learning_rate": _learning_rate,
    "fine_tuning_epochs": _fine_tuning_epochs,
    "eigenvalues": _eigenvalues,
}

OVERRIDES = frozenset(_PROFILE | _ROLE.keys())
"""The names of the parameters that change what a study measures."""

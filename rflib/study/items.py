"""What a plan yields, and what several plans have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rflib.config import ArchitectureSettings, HistorySettings, MeasurementKey, ModelConfig, OneShotSettings, Run

if TYPE_CHECKING:
    from rflib.study.profiles import Profile, Role, RoleName


@dataclass(frozen=True)
class Item:
    """One measurement that a chapter needs: its key, the role of its data, and what it is there for."""

    key: MeasurementKey
    role: RoleName
    purpose: str


Plan = Iterator[Item]


def described(name: RoleName, role: Role, model: ModelConfig, purpose: str) -> Item:
    """What a network is at the size of the role's images, without training."""
    settings = ArchitectureSettings(model=model, image_size=role.side_pixels)
    return Item(MeasurementKey.of(settings), name, purpose)


def trained(profile: Profile, name: RoleName, role: Role, run: Run, purpose: str) -> Plan:
    """One dense run: its network, its history and its one-shot pruning."""
    yield described(name, role, run.config.model, purpose)
    yield Item(MeasurementKey.of(HistorySettings(), run), name, purpose)
    yield from one_shot(profile, name, role, run, purpose)


def one_shot(profile: Profile, name: RoleName, role: Role, run: Run, purpose: str) -> Plan:
    """One-shot pruning of a dense run, and again with re-estimated statistics if the role asks for them."""
    yield Item(MeasurementKey.of(OneShotSettings(rates=profile.rates), run), name, purpose)
    if role.calibrated is not None:
        yield Item(MeasurementKey.of(role.calibrated, run), name, purpose)


def grid(profile: Profile, role: Role) -> Iterator[Run]:
    """Every dense run of a role: each network, each kernel, each seed."""
    for architecture, kernels in role.pool_kernels.items():
        for kernel in kernels:
            for seed in role.seeds:
                yield profile.run(role, profile.model(role, architecture, kernel), seed)

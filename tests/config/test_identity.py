"""Fault test 8: what must change an identity changes it, what must not does not."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from rflib.config import (
    ANALYSES,
    Architecture,
    ArchitectureSettings,
    DataConfig,
    DeepPruningSettings,
    HistorySettings,
    LayersSettings,
    MaskRecipe,
    MeasurementKey,
    ModelConfig,
    OneShotSettings,
    PrecisionConfig,
    Run,
    RunConfig,
    Settings,
    SimilaritySettings,
    SpectrumSettings,
    TrainingConfig,
    settings,
)

Path = tuple[str, ...]

DENSE = Run(config=RunConfig(data=DataConfig(name="cifar10", fingerprint="0123")))
PRUNED = Run(config=DENSE.config.replace(parent=DENSE.config.model_dump(), mask=MaskRecipe()))


def leaves(value: Settings, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the annotation of every plain setting."""
    for name, field in type(value).model_fields.items():
        inner = getattr(value, name)
        if isinstance(inner, Settings):
            yield from leaves(inner, (*path, name))
        else:
            yield (*path, name), field.annotation


def choices(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) is Literal:
        return list(typing.get_args(annotation))
    return [choice for inner in typing.get_args(annotation) for choice in choices(inner)]


def changed(value: Settings, path: Path, annotation: Any) -> Settings | None:
    """Return a valid copy that differs in this one setting, or None when there is no other value."""
    named = choices(annotation)
    for candidate in [*named, *([name] for name in named), True, False, 3, 0.25, "other", [0.25], ["live"], [3]]:
        plain = json.loads(value.model_dump_json())
        inner = plain
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = candidate
        try:
            other = type(value).model_validate(plain)
        except ValidationError:
            continue
        if other != value:
            return other
    return None


def every_change(value: Settings) -> dict[str, Settings]:
    found = {".".join(path): changed(value, path, annotation) for path, annotation in leaves(value)}
    return {path: other for path, other in found.items() if other is not None}


def test_every_setting_of_a_run_changes_its_identity() -> None:
    changes = every_change(DENSE)
    # None stands for "not pruned", a checkpoint belongs to a parent, another task has its own number of classes, a pool
    # of one pixel cannot be padded, and SGD has not the options of other optimisers.
    optimiser = DENSE.config.training.optimiser
    without = {"config.parent", "config.parent_checkpoint", "config.mask", "config.data.task"}
    without.add("config.model.pool_padding")
    without |= {f"config.training.optimiser.{name}" for name in {*type(optimiser).model_fields} - {*optimiser.options}}
    without.discard("config.training.optimiser.name")
    assert {".".join(path) for path, _ in leaves(DENSE)} - set(changes) == without
    caught = sum(other.id != DENSE.id for other in changes.values())
    assert caught == len(changes) > 25
    assert len({other.id for other in changes.values()}) == len(changes)


def test_the_parent_and_the_mask_change_the_identity_of_a_pruned_run() -> None:
    changes = every_change(PRUNED)
    assert {"config.mask.rate", "config.mask.scope", "config.parent.training.epochs"} <= set(changes)
    assert "config.parent.precision.autocast" in changes
    assert "config.parent.model.width" not in changes  # a pruned run has the model of its parent
    assert len({PRUNED.id, DENSE.id, *(other.id for other in changes.values())}) == len(changes) + 2
    assert PRUNED.parent == DENSE
    assert DENSE.parent is None


def keys() -> list[MeasurementKey]:
    runs = (DENSE, DENSE.replace(seed=1))
    of_networks = (ArchitectureSettings, LayersSettings)
    plain = [kind() for kind in ANALYSES.values() if kind not in of_networks]
    analyses = [*plain, *(kind(model=ModelConfig(pool_kernel=4)) for kind in of_networks)]
    return [MeasurementKey.of(analysis, *runs[: analysis.subjects]) for analysis in analyses]


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.analysis)
def test_every_setting_of_an_analysis_changes_the_identity(key: MeasurementKey) -> None:
    changes = every_change(key.settings)
    assert {".".join(path) for path, _ in leaves(key.settings)} == set(changes)
    ids = {MeasurementKey.of(other, *key.runs).id for other in changes.values()}
    assert len({key.id, *ids}) == len(changes) + 1


def test_analysis_version_and_runs_change_the_identity_of_a_measurement() -> None:
    assert len({key.id for key in keys()}) == len(keys())
    history = MeasurementKey.of(HistorySettings(), DENSE)
    first, second = DENSE.replace(seed=1), DENSE.replace(seed=2)
    others = [
        history.replace(settings=HistorySettings(), version=history.version + 1),
        MeasurementKey.of(HistorySettings(), first),
        MeasurementKey.of(HistorySettings(), PRUNED),
        MeasurementKey.of(SimilaritySettings(), first, second),
        MeasurementKey.of(SimilaritySettings(), second, first),
    ]
    assert len({history.id, *(key.id for key in others)}) == len(others) + 1


def test_the_schema_changes_every_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [DENSE.id, *(key.id for key in keys())]
    monkeypatch.setattr(settings, "SCHEMA", settings.SCHEMA + 1)
    after = [DENSE.id, *(key.id for key in keys())]
    assert not set(before) & set(after)


def test_what_means_the_same_has_the_same_identity() -> None:
    """Order, spelling and what is left out do not matter; nor does a trip through a file."""
    data = {"name": "cifar10", "fingerprint": "0123"}
    same = [
        {"config": {"data": data}, "seed": 0},
        {"seed": 0, "config": {"data": dict(reversed(data.items()))}},
        {"config": {"data": data, "model": {"pool_stride": None, "ceil_mode": None}}},
        {"config": {"data": data, "model": {"pool_stride": 1, "ceil_mode": False}}},
        {"config": {"data": data, "model": ModelConfig().model_dump(), "parent": None, "mask": None}},
        {"config": {"data": data, "training": {"cosine_period_epochs": None}}},
        {"config": {"data": data, "training": {"cosine_period_epochs": 200, "epochs": 200}}},
        {"config": {"data": data, "model": {"width": 1}}},
        {"config": {"data": {**data, "image_size": None, "validation_share": 0}}},
        json.loads(json.dumps(DENSE.model_dump(mode="json"), indent=3)),
        json.loads(DENSE.model_dump_json()),
        DENSE.model_dump(),
    ]
    false = [values for values in same if Run.model_validate(values).id != DENSE.id]
    assert false == []


@pytest.mark.parametrize("kernel", [1, 2, 4])
@pytest.mark.parametrize("architecture", [name for name in typing.get_args(Architecture) if name.startswith("rf_")])
def test_none_resolves_to_the_explicit_value(architecture: Any, kernel: int) -> None:
    left_out = ModelConfig(architecture=architecture, pool_kernel=kernel)
    explicit = ModelConfig(
        architecture=architecture,
        pool_kernel=kernel,
        pool_stride=kernel,
        ceil_mode=architecture == "rf_vgg16",
    )
    assert left_out == explicit
    assert left_out.model_dump_json() == explicit.model_dump_json()


def test_the_cosine_period_resolves_to_the_epochs() -> None:
    assert TrainingConfig(epochs=30) == TrainingConfig(epochs=30, cosine_period_epochs=30)
    assert TrainingConfig(epochs=0).cosine_period_epochs == 1


def test_pinned_identities() -> None:
    """These name folders on people's disks: if they move, so must `SCHEMA`."""
    model = ModelConfig(architecture="rf_vgg19", pool_kernel=2, width=0.25)
    config = RunConfig(
        data=DataConfig(name="digits", image_size=32, fingerprint="0" * 16),
        model=model,
        training=TrainingConfig(epochs=3, learning_rate=0.1, horizontal_flip=False),
        precision=PrecisionConfig(channels_last=True),
    )
    run = Run(config=config, seed=1)
    assert run.name == f"digits-32-rf_vgg19-k2-w0.25-s1-{run.id}"
    assert run.id == "6b8e41f9b00894e9"
    key = MeasurementKey.of(SpectrumSettings(eigenvalues=20), run)
    assert key.name == f"spectrum-{run.id[:8]}-{key.id}"
    assert key.id == "aa45ee14fdec935e"


def test_names_are_file_names() -> None:
    run = Run(config=RunConfig(data=DataConfig(name="folder:my images")), seed=3)
    assert run.name == f"folder-my images-native-rf_resnet50-k1-w1-s3-{run.id}"
    assert PRUNED.name == f"cifar10-native-rf_resnet50-k1-w1-s0-global0.9-{PRUNED.id}"


def test_settings_that_came_later_leave_earlier_names_as_they_are() -> None:
    """What is stored was named before there were calibration images and a padding of the pool."""
    assert "calibration_images" not in OneShotSettings().model_dump()
    assert "calibration_images" not in DeepPruningSettings().model_dump()
    assert "pool_padding" not in ModelConfig().model_dump()
    assert OneShotSettings(calibration_images=5).model_dump()["calibration_images"] == 5
    padded = ModelConfig(pool_kernel=3, pool_stride=2, pool_padding=1)
    assert padded.model_dump()["pool_padding"] == 1
    wide = DENSE.replace(config=DENSE.config.replace(model=padded))
    assert wide.id != DENSE.replace(config=DENSE.config.replace(model=padded.replace(pool_padding=0))).id

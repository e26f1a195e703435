from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rflib.config import (
    DataConfig,
    HistorySettings,
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
    canonical_json,
    identity,
)
from rflib.errors import UsageError

DENSE = RunConfig(data=DataConfig(name="cifar10"))

EXAMPLES = [
    DataConfig(name="folder:mine", image_size=64, validation_share=0.1),
    ModelConfig(architecture="rf_vgg16", pool_kernel=3, map_size="padded", width=0.25),
    TrainingConfig(epochs=3, gradient_clip=None),
    PrecisionConfig(autocast="bfloat16"),
    MaskRecipe(scope="live", rate=0.5),
    DENSE,
    RunConfig(data=DataConfig(name="cifar10"), parent=DENSE, mask=MaskRecipe()),
    Run(config=DENSE, seed=4),
    OneShotSettings(rates=(0.5, 0.75)),
    SpectrumSettings(batch_statistics="frozen"),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_round_trip_through_json_gives_an_equal_value(value: Settings) -> None:
    again = type(value).model_validate_json(value.model_dump_json())
    assert again == value
    assert hash(again) == hash(value)


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_settings_are_frozen(value: Settings) -> None:
    name = next(iter(type(value).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, name, getattr(value, name))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ModelConfig, {"pool_kernal": 2}, r"unknown setting 'pool_kernal'\. Did you mean 'pool_kernel'\?"),
        (ModelConfig, {"zzz": 2}, r"unknown setting 'zzz'\.$"),
        (ModelConfig, {"pool_kernel": 0}, r"'pool_kernel': expected greater than 0, found 0"),
        (ModelConfig, {"pool_kernel": "two"}, r"'pool_kernel': expected a valid integer.*found 'two'"),
        (ModelConfig, {"architecture": "rf_vgg18"}, r"expected .*'rf_vgg16'.*found 'rf_vgg18'\. Did you mean 'rf_vgg1"),
        (ModelConfig, {"width": float("nan")}, r"'width': expected"),
        (ModelConfig, {"width": float("inf")}, r"'width': expected a finite number"),
        (ModelConfig, {"pool_kernel": 3, "pool_stride": 1, "map_size": "padded"}, r"needs pool_stride equal"),
        (MaskRecipe, {"rate": 1.0}, r"'rate': expected less than 1, found 1.0"),
        (MaskRecipe, {"rate": -0.1}, r"'rate': expected greater than or equal to 0, found -0.1"),
        (TrainingConfig, {"optimiser": {"momentum": 2}}, r"'optimiser.momentum': expected less than 1, found 2"),
        (RunConfig, {}, r"'data': expected .*[Ff]ield required"),
        (RunConfig, {"data": {"name": "digits"}}, r"horizontal_flip must be false for digits"),
        (
            ModelConfig,
            {"architecture": "resnet18", "cardinality": 4},
            r"needs a network of bottlenecks, rf_resnet26",
        ),
        (
            ModelConfig,
            {"architecture": "rf_vgg19", "omitted_downsamplings": 4},
            r"'rf_vgg19' expects omitted_downsamplings 0 to 3, found 4",
        ),
        (
            ModelConfig,
            {"architecture": "vgg19", "omitted_downsamplings": 1},
            r"'vgg19' expects omitted_downsamplings 0 \(only rf_vgg16, .*, rf_resnet50 can omit some\), found 1",
        ),
        (ModelConfig, {"omitted_downsamplings": -1}, r"'omitted_downsamplings': expected greater than or equal to 0"),
        (
            RunConfig,
            {"data": {"name": "cifar10", "task": "shifts"}, "model": {"classes": 4}},
            r"the task of shifts needs model.classes 4 and training.horizontal_flip false, .* found 4 and True",
        ),
        (
            RunConfig,
            {"data": {"name": "cifar10", "task": "shifts"}, "training": {"horizontal_flip": False}},
            r"found 10 and False",
        ),
        (RunConfig, {"data": {"name": "cifar10"}, "mask": {}}, r"a mask and a parent belong together"),
        (
            RunConfig,
            {"data": {"name": "cifar10"}, "mask": {}, "parent": {"data": {"name": "tiny-imagenet"}}},
            r"has the data and the model of its parent",
        ),
        (Run, {"config": DENSE.model_dump(), "seed": -1}, r"'seed': expected greater than or equal to 0, found -1"),
        (SpectrumSettings, {"tolerance": 0}, r"'tolerance': expected greater than 0, found 0"),
    ],
)
def test_a_wrong_setting_is_explained(kind: type[Settings], values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kind.checked(values)


def test_all_faults_are_reported_with_their_source() -> None:
    with pytest.raises(UsageError, match=r"^smoke\.yml: .*'width'.*; .*'classes'"):
        ModelConfig.checked({"width": -1, "classes": 0}, source="smoke.yml")


def test_a_replaced_setting_is_validated() -> None:
    assert Run(config=DENSE).replace(seed=2).seed == 2
    assert DENSE.replace(training={"epochs": 3}).training.epochs == 3
    with pytest.raises(UsageError, match="'seed': expected"):
        Run(config=DENSE).replace(seed=-2)


def test_an_analysis_takes_its_number_of_runs() -> None:
    run = Run(config=DENSE)
    assert MeasurementKey.of(SimilaritySettings(), run, run.replace(seed=1)).runs[1].seed == 1
    with pytest.raises(Exception, match="'similarity' looks at 2 runs, found 1"):
        MeasurementKey.of(SimilaritySettings(), run)
    with pytest.raises(Exception, match="'history' looks at 1 runs, found 0"):
        MeasurementKey.of(HistorySettings())


def test_canonical_json_is_one_text_a_value() -> None:
    assert canonical_json({"b": 1, "a": [1.5, None]}) == '{"a":[1.5,null],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})
    assert identity({"a": 1, "b": 2}) == identity({"b": 2, "a": 1})
    assert len(identity(None)) == 16

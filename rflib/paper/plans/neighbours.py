"""What the chapters on neighbouring works measure."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Self

from pydantic import PositiveInt, model_validator

from rflib.config import (
    FIXED_WIDTH,
    SHIFT_CLASSES,
    Architecture,
    EffectiveFieldSettings,
    HistorySettings,
    LayersSettings,
    MeasurementKey,
    ModelConfig,
    PixelSensitivitySettings,
    ProbesSettings,
    ResolutionsSettings,
    Run,
    SaturationSettings,
)
from rflib.study.blocks import Block, Kernels, Seeds
from rflib.study.items import Item, Plan, grid

if TYPE_CHECKING:
    from rflib.study.profiles import Profile, Role, RoleName


# The families that the abstract names, as far as torchvision has them, and the others that are known best.
REFINED_NETWORKS = (
    *("vgg16", "vgg19", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "densenet121", "googlenet"),
    *("inception_v3", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5"),
    *("mnasnet1_0", "shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf"),
    "convnext_tiny",
)


class DeeperPlan(Block):
    """The networks of "Should You Go Deeper?" whose layers are looked at one by one, and those that are cut as well.

    `seeds` None are the role's. `grid`: the layers of the networks with a pool are probed too, at every kernel.
    """

    architectures: tuple[Architecture, ...]
    truncated: tuple[Architecture, ...] = ()
    seeds: Seeds | None = None
    grid: bool = False
    saturation: SaturationSettings = SaturationSettings()
    probes: ProbesSettings = ProbesSettings()

    @model_validator(mode="after")
    def _check(self) -> Self:
        alone = [name for name in self.truncated if name not in self.architectures]
        if alone:
            raise ValueError(
                f"a truncated network is compared with the whole one: add {', '.join(alone)} to architectures"
            )
        return self

    def overridden(self, parameter: str, value: Any) -> Self:
        """Take the seeds of the role."""
        return self.replace(seeds=None) if parameter == "seeds" else self


class FieldPlan(Block):
    """The networks of "Dead Pixel Test Using Effective Receptive Field".

    The field of `architectures` is set beside accuracy and effective field, on images as they are and `mirrored`;
    `padded` are trained with kernel padding too, on classes and on shifts; `scaled_architecture` changes width and
    cardinality alone.
    """

    architectures: tuple[Architecture, ...]
    padded: tuple[Architecture, ...] = ("resnet18",)
    scaled_architecture: Architecture = "rf_resnet26"
    scaled_pool_kernel: PositiveInt = 2
    multiples: tuple[float, ...] = (1.0, 2.0)
    cardinalities: tuple[PositiveInt, ...] = (1, 4)
    effective_field: EffectiveFieldSettings = EffectiveFieldSettings()
    mirrored: EffectiveFieldSettings = EffectiveFieldSettings(images=8, mirrored=4)
    pixel_sensitivity: PixelSensitivitySettings = PixelSensitivitySettings()

    @property
    def scales(self) -> list[tuple[float, int]]:
        """Multiples of the width with the first cardinality, and the other cardinalities with the first multiple."""
        wider = [(multiple, self.cardinalities[0]) for multiple in self.multiples]
        return wider + [(self.multiples[0], cardinality) for cardinality in self.cardinalities[1:]]


class RefinementPlan(Block):
    """The networks of "Receptive Field Refinement": those that are looked at, and those that are trained as well.

    `networks` are torchvision's; `trained` are trained as they are and refined for the side of the role's images.
    """

    networks: tuple[str, ...] = REFINED_NETWORKS
    image_sizes: Kernels = (32, 64, 224)
    trained: tuple[Architecture, ...] = ()
    probes: ProbesSettings = ProbesSettings()


def deeper(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Every layer of whole networks, the accuracy of truncated ones, and probes over the pool kernel.

    The first two as in "Should You Go Deeper?".
    """
    if role.deeper is None:
        return
    plan, side = role.deeper, role.side_pixels
    cuts: list[tuple[str, dict[str, int], str]] = [(each, {}, "full") for each in plan.architectures]
    cuts += [(each, {"truncated_for": side}, "truncated") for each in plan.truncated]
    for architecture, change, purpose in cuts:
        model = profile.model(role, architecture, 1, **change)
        yield Item(MeasurementKey.of(LayersSettings(model=model, image_size=side)), name, purpose)
        for seed in plan.seeds or role.seeds:
            run = profile.run(role, model, seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, purpose)
            if purpose == "full":
                yield Item(MeasurementKey.of(plan.saturation, run), name, purpose)
                yield Item(MeasurementKey.of(plan.probes, run), name, purpose)
    for run in grid(profile, role) if plan.grid else ():
        if run.seed in (plan.seeds or role.seeds):
            yield Item(MeasurementKey.of(plan.probes, run), name, "grid")


def effective_field(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Effective fields and pixel sensitivity, with and without kernel padding, as in "Dead Pixel Test"."""
    if role.effective_field is None:
        return
    plan = role.effective_field
    for architecture in plan.architectures:
        for seed in role.seeds:
            run = profile.run(role, profile.model(role, architecture, 1), seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, "field")
            yield Item(MeasurementKey.of(plan.pixel_sensitivity, run), name, "field")
            for checkpoint in ("initial", "last"):
                for settings, purpose in ((plan.effective_field, "field"), (plan.mirrored, "mirrored")):
                    yield Item(MeasurementKey.of(settings.replace(checkpoint=checkpoint), run), name, purpose)
    for architecture in plan.padded:
        for padding in (False, True):
            model = profile.model(role, architecture, 1, kernel_padding=padding)
            for seed in role.seeds:
                for run in (profile.run(role, model, seed), _shifted(profile, role, model, seed)):
                    yield Item(MeasurementKey.of(HistorySettings(), run), name, "kernel_padding")
                    yield Item(MeasurementKey.of(plan.pixel_sensitivity, run), name, "kernel_padding")
    for multiple, cardinality in plan.scales:
        change = {"width": profile.width * multiple, "cardinality": cardinality}
        model = profile.model(role, plan.scaled_architecture, plan.scaled_pool_kernel, **change)
        yield Item(MeasurementKey.of(LayersSettings(model=model, image_size=role.side_pixels)), name, "constant_field")
        for seed in role.seeds:
            run = profile.run(role, model, seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, "constant_field")


def refinement(profile: Profile, name: RoleName, role: Role) -> Plan:
    """What "Receptive Field Refinement" would change in many networks, and what it does to those that are trained."""
    if role.refinement is None:
        return
    plan, side = role.refinement, role.side_pixels
    for network in plan.networks:
        settings = ResolutionsSettings(network=network, image_sizes=plan.image_sizes)
        yield Item(MeasurementKey.of(settings), name, "resolutions")
    for architecture, purpose in itertools.product(plan.trained, ("original", "refined")):
        width = 1.0 if architecture in FIXED_WIDTH else profile.width
        change = {"refined_for": side} if purpose == "refined" else {}
        model = profile.model(role, architecture, 1, width=width, **change)
        yield Item(MeasurementKey.of(LayersSettings(model=model, image_size=side)), name, purpose)
        for seed in role.seeds:
            run = profile.run(role, model, seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, purpose)
            if purpose == "original":
                yield Item(MeasurementKey.of(plan.probes, run), name, purpose)


def _shifted(profile: Profile, role: Role, model: ModelConfig, seed: int) -> Run:
    """Return the run of a network that tells by how much the planes of the images are displaced."""
    usual = profile.run(role, model.replace(classes=SHIFT_CLASSES), seed)
    changes = {"data": role.data.replace(task="shifts"), "training": role.training.replace(horizontal_flip=False)}
    return usual.replace(config=usual.config.replace(**changes))

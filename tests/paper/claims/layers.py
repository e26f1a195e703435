"""A world of formulas for the layers of networks, in which every claim of "Should You Go Deeper?" is true."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

NETWORKS = [
    *(f"vgg{depth}" for depth in (11, 13, 16, 19)),
    "vgg19_dilated",
    "mpnet18",
    "mpnet36",
    *(f"resnet{depth}{kind}" for depth in (18, 34) for kind in ("", "_no_skips", "_no_stem")),
    *(f"resnet18_{kind}{end}" for kind in ("spatial", "squeeze_excitation", "cbam") for end in ("", "_no_skips")),
]
TRUNCATED = ["vgg11", "vgg13", "vgg16", "vgg19", "resnet18", "resnet34", "mpnet18", "mpnet36"]
DEEPER = {"architectures": NETWORKS, "truncated": TRUNCATED, "grid": True}
PLAIN_LAYERS = 12


def noise(*parts: object) -> float:
    """Return a number between -0.1 and 0.1 that depends on everything given."""
    return zlib.crc32(repr(parts).encode()) % 201 / 1000 - 0.1


def names(architecture: str) -> list[str]:
    """Return the convolutions of a network, as the library names them, and one projection of a shortcut."""
    blocks = [(stage, block) for stage in range(4) for block in range(2)]
    if architecture.startswith("mpnet"):
        return ["conv1", *(f"stages.{s}.{b}.{path}.0" for s, b in blocks for path in ("small", "large"))]
    if architecture.startswith("resnet"):
        found = ["conv1", *(f"layer{s + 1}.{b}.conv{c}" for s, b in blocks for c in (1, 2))]
        return found if "no_skips" in architecture else [*found[:6], "layer2.0.downsample.0", *found[6:]]
    return [f"features.{index}" for index in range(PLAIN_LAYERS)]


def border(architecture: str) -> int | None:
    """Return the number of the border layer, projections left out."""
    if "no_stem" in architecture:
        return None
    if architecture.startswith("mpnet"):
        return names(architecture).index("stages.3.0.small.0") + 1
    return 8 if architecture.startswith("vgg") else 5 if "no_skips" in architecture else 13


def place(architecture: str, number: int) -> int:
    """Return how many steps of a network come before a layer; the two paths of a block stand side by side."""
    return number // 2 if architecture.startswith("mpnet") else number


def probe(architecture: str, number: int, name: str) -> float:
    """Return a probe that rises by 3 points a step up to the border, and then stays; a ResNet skips one layer."""
    last = border(architecture)
    skipped = architecture in ("resnet18", "resnet34") and number == 15
    steps = place(architecture, number)
    return 40 + 3.0 * (steps if last is None else min(steps, place(architecture, last) - 1)) - 20 * skipped


def saturation(architecture: str, number: int) -> float:
    """Return a share that falls at the border to a third."""
    last = border(architecture)
    return 0.6 if last is None or number < last else 0.2


def accuracy(architecture: str, cut: bool) -> float:
    """Return what truncation, stem and attention are worth."""
    modules = {"spatial": 2.0, "squeeze": 1.0, "cbam": 3.0}
    worth = sum(points for name, points in modules.items() if name in architecture)
    return 80 + worth + 8 * ("no_stem" in architecture) + 2 * cut


def smallest_fields(architecture: str, name: str) -> float:
    """Return 19 pixels at the start of every block, and more behind, twice as much a stage."""
    if not name.startswith("layer"):
        return 7.0
    return 19.0 + 8 * 2 ** int(name[5]) * name.endswith("conv2")


def true_world() -> SimpleNamespace:
    """Return the formulas; a test replaces one at a time."""
    return SimpleNamespace(
        probe=probe,
        saturation=saturation,
        accuracy=accuracy,
        border=border,
        r_min=smallest_fields,
        growth=lambda architecture: 10.0 if "no_stem" in architecture else 40.0,
        parameters=lambda architecture, cut: 500 if cut else 1000,
        operations=lambda architecture, cut: 40 if "no_stem" in architecture else 5 if cut else 10,
        deep=lambda kernel: 12.0 - 3 * kernel,
    )


@dataclass
class Layers:
    """A store that has every measurement of layers and of these networks; whatever else is asked of `others`."""

    others: Any
    world: SimpleNamespace
    root: str = "layers"

    def has_measurement(self, key: Any) -> bool:
        return True

    def load_measurement(self, key: Any) -> Any:
        model = key.runs[0].config.model if key.runs else key.settings.model
        if key.analysis == "probes" and model.architecture.startswith("rf_"):
            return SimpleNamespace(values=self.grid(model, key.runs[0].seed), arrays={}, provenance={})
        if model.architecture.startswith("rf_"):
            return self.others.load_measurement(key)
        values = getattr(self, key.analysis)(key, model.architecture, model.truncated_for is not None)
        return SimpleNamespace(values=values, arrays={}, provenance={})

    def layers(self, key: Any, architecture: str, cut: bool) -> dict[str, Any]:
        last = self.world.border(architecture)
        rows = [
            {
                "layer": index,
                "name": name,
                "in_attention": False,
                "r_min": self.world.r_min(architecture, name),
                "r_max": 7.0 if name == "conv1" else self.world.growth(architecture) * number,
                "input_r_min": 3.0,
                "map_size": 8,
                "unproductive_paper": last is not None and number >= last and "downsample" not in name,
                "unproductive_toolbox": False,
            }
            for index, (number, name) in enumerate(numbered(architecture), start=1)
        ]
        return {
            "rows": rows,
            "border_layer_largest": "stages.1.1.small.0" if architecture.startswith("mpnet") else None,
            "parameters": self.world.parameters(architecture, cut),
            "forward_flops": self.world.operations(architecture, cut),
            "smallest_feasible_pixels": 9.0,
        }

    def history(self, key: Any, architecture: str, cut: bool) -> dict[str, Any]:
        run = key.runs[0]
        reached = self.world.accuracy(architecture, cut) + noise(architecture, cut, run.seed)
        epochs = run.config.training.epochs
        return {
            "rows": [{"epoch": n, "test_accuracy": reached, "train_loss": 0.1} for n in (1, epochs)],
            "best_epoch": 1,
        }

    def saturation(self, key: Any, architecture: str, cut: bool) -> dict[str, Any]:
        seed = key.runs[0].seed
        rows = [
            {"name": name, "features": 8, "saturation_delve": 0.5}
            | {"saturation": self.world.saturation(architecture, number) + noise(architecture, name, seed) / 100}
            for number, name in numbered(architecture)
        ]
        return {"rows": rows, "images": 9}

    def probes(self, key: Any, architecture: str, cut: bool) -> dict[str, Any]:
        seed = key.runs[0].seed
        rows = [
            {"name": name, "accuracy": self.world.probe(architecture, number, name) + noise(architecture, name, seed)}
            for number, name in numbered(architecture)
        ]
        return {"rows": [*rows, {"name": "fc", "accuracy": 99.0}]}

    def grid(self, model: Any, seed: int) -> dict[str, Any]:
        best = {4: 60.0, 14: 60.0 + self.world.deep(model.pool_kernel)}
        rows = [
            {
                "name": f"features.{index}",
                "accuracy": best.get(index, 30.0) + noise(model.model_dump_json(), index, seed),
            }
            for index in range(16)
        ]
        return {"rows": [*rows, {"name": "classifier", "accuracy": 99.0}]}


def numbered(architecture: str) -> list[tuple[int, str]]:
    """Return the layers with their numbers; a projection has that of the layer before it."""
    found, number = [], 0
    for name in names(architecture):
        number += "downsample" not in name
        found.append((number, name))
    return found

"""Layers one by one: field, saturation and probes on both sides of the border, and what truncation changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rflib.errors import unknown
from rflib.paper import plots, reported
from rflib.paper.frames import summarise
from rflib.paper.plots import before_and_after
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_KEYS = ["architecture", "seed", "name"]


@traced
def layers(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a convolution, network and seed: fields in pixels, saturation 0 to 1, probe accuracy in percent.

    `unproductive_paper` and `unproductive_toolbox` say whether the layer's input already sees more than the image;
    `position` is the layer's place in the network, 0 for the first convolution and 1 for the last. Convolutions inside
    attention add-ons are left out, as in the paper.
    """
    fields = _of(study, "layers", role, "full")
    if fields.empty:
        return fields
    measured = [_of(study, analysis, role, "full") for analysis in ("saturation", "probes")]
    if any(frame.empty for frame in measured):
        return pd.DataFrame()
    saturation, probes = measured
    frame = fields.drop(columns=["seed"], errors="ignore").merge(
        saturation[[*_KEYS, "saturation", "saturation_delve", "features"]], on=["architecture", "name"]
    )
    frame = frame.merge(probes[[*_KEYS, "accuracy"]], on=_KEYS)
    frame = frame[~frame["in_attention"]].copy()
    order = frame.groupby(["architecture", "seed"])["layer"].rank(method="first")
    frame["layer"] = order.astype(int)
    last = frame.groupby("architecture")["layer"].transform("max")
    frame["position"] = (frame["layer"] - 1) / (last - 1).clip(lower=1)
    columns = ["architecture", "seed", "layer", "name", "r_min", "r_max", "input_r_min", "map_size"]
    columns += ["unproductive_paper", "unproductive_toolbox", "saturation", "saturation_delve", "accuracy", "position"]
    return frame[columns].reset_index(drop=True)


@traced
def productivity(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network: where the border lies, and what layers before and after it do, over seeds.

    `probe_gain_before` is the probe accuracy of the last convolution before the border minus that of the first
    convolution, `probe_gain_tail` that of the last convolution minus the last before the border, and
    `probe_gain_best` the best from the border on minus the best before it, in points; `saturation_before` and
    `saturation_tail` are means of layers in percent. The tail is every convolution from the border on. `reached` is
    the best probe before the border in percent of the best of all.
    """
    frame = layers(study, role=role)
    if frame.empty:
        return frame
    rows = [_halves(group) for _, group in frame.groupby(["architecture", "seed"], sort=False)]
    per_seed = pd.DataFrame(rows)
    found = summarise(per_seed, ["architecture", "border", "tail_layers", "layers"], _QUANTITIES)
    return found.merge(_costs(study, role, "full"), on="architecture", how="left")


_PROBES = ("probe_gain_before", "probe_gain_tail", "probe_gain_best", "reached")
_QUANTITIES = ("saturation_before", "saturation_tail", *_PROBES)


def _halves(group: pd.DataFrame) -> dict[str, object]:
    """Describe the layers before and from the border of one network of one seed."""
    group = group.sort_values("layer")
    unproductive = group["unproductive_paper"].to_numpy()
    border = int(unproductive.argmax()) if unproductive.any() else len(group)
    before, tail = group.iloc[:border], group.iloc[border:]
    accuracy = group["accuracy"].to_numpy()
    at_border = accuracy[border - 1] if border else float("nan")
    return {
        "architecture": group["architecture"].iloc[0],
        "border": tail["name"].iloc[0] if len(tail) else "none",
        "tail_layers": len(tail),
        "layers": len(group),
        "saturation_before": 100 * before["saturation"].mean(),
        "saturation_tail": 100 * tail["saturation"].mean(),
        "probe_gain_before": at_border - accuracy[0],
        "probe_gain_tail": accuracy[-1] - at_border if len(tail) else float("nan"),
        "probe_gain_best": accuracy[border:].max() - accuracy[:border].max() if len(tail) and border else float("nan"),
        "reached": 100 * accuracy[:border].max() / accuracy.max() if border else float("nan"),
    }


@traced
def truncation(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network that was truncated: accuracy in percent, parameters and FLOPs, full and truncated.

    FLOPs are those of one image forward, two a multiplication with addition. `gain` is truncated minus full in points,
    seed by seed.
    """
    full, cut = (_last_epochs(study, role, purpose) for purpose in ("full", "truncated"))
    if full.empty or cut.empty:
        return pd.DataFrame()
    both = full.merge(cut, on=["architecture", "seed"], suffixes=("_full", "_truncated"))
    both["gain"] = both["accuracy_truncated"] - both["accuracy_full"]
    table = summarise(both, ["architecture"], ["accuracy_full", "accuracy_truncated", "gain"])
    for purpose in ("full", "truncated"):
        costs = _costs(study, role, purpose)[["architecture", "parameters", "forward_flops"]]
        table = table.merge(costs.add_suffix(f"_{purpose}").rename(columns={f"architecture_{purpose}": "architecture"}))
    return table


@traced
def stems(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a ResNet with and without its stem: accuracy and cost, beside what the paper reports."""
    full = _last_epochs(study, role, "full")
    if full.empty:
        return full
    names = [name for name in full["architecture"].unique() if f"{name}_no_stem" in set(full["architecture"])]
    chosen = full[full["architecture"].isin([each for name in names for each in (name, f"{name}_no_stem")])]
    if chosen.empty:
        return pd.DataFrame()
    table = summarise(chosen, ["architecture"], ["accuracy"]).merge(_costs(study, role, "full"), on="architecture")
    return table.merge(reported.stems(), on="architecture", how="left")


@traced
def probe_gains(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network with a pool and kernel: `probe_halves` over seeds."""
    halves = probe_halves(study, role=role)
    return halves if halves.empty else summarise(halves, ["architecture", "pool_kernel"], ["shallow", "deep", "gain"])


@traced
def probe_halves(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network with a pool, kernel and seed: what the deeper half of it adds to probes.

    `shallow` and `deep` are the best probes of the first and of the second half of the convolutions, in percent, and
    `gain` is the second minus the first, in points. Projections of shortcuts stand beside the order and are left out.
    """
    frame = _of(study, "probes", role, "grid")
    if frame.empty:
        return frame
    frame = frame[~frame["name"].str.contains("downsample|classifier|^fc$")]
    keys = ["role", "architecture", "pool_kernel", "seed"]
    place = frame.groupby(keys)["name"].cumcount()
    deep = place >= frame.groupby(keys)["name"].transform("size") / 2
    best = frame.assign(half=deep.map({False: "shallow", True: "deep"})).pivot_table(
        index=keys, columns="half", values="accuracy", aggfunc="max", sort=False
    )
    best = best[["shallow", "deep"]].rename_axis(columns=None).reset_index()
    return best.assign(gain=best["deep"] - best["shallow"])


def _of(study: Study, analysis: str, role: RoleName, purpose: str) -> pd.DataFrame:
    return study.frame(analysis, purpose, role=role)


def _last_epochs(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a run: test accuracy after its last epoch, in percent."""
    frame = _of(study, "history", role, purpose)
    if frame.empty:
        return frame
    last = frame.drop_duplicates(["architecture", "seed"], keep="last")
    return last[["architecture", "seed", "test_accuracy"]].rename(columns={"test_accuracy": "accuracy"})


def _costs(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a network: parameters, FLOPs of one image, smallest image without an unproductive layer."""
    names: Iterable[str] = ("parameters", "forward_flops", "smallest_feasible_pixels")
    rows = [
        {
            "architecture": item.key.settings.model.architecture,  # type: ignore[attr-defined]
            **{name: measurement.values[name] for name in names},
        }
        for item, measurement in study.select("layers", purpose, role=role)
    ]
    return pd.DataFrame(rows).drop_duplicates("architecture")


_EVERY = "every"
_KINDS = ("sequential", "multi_path", "residual", "attention", _EVERY)
_ATTENTION = ("spatial", "squeeze_excitation", "cbam")
_PROBE: dict[str, Any] = {"color": "#1F4E9E", "marker": "o", "markersize": 4}
_SATURATION: dict[str, Any] = {"color": "#E08A00", "width": 0.7}
_BORDER: dict[str, Any] = {"color": "#1A1A1A", "linewidth": 2.2}
_UNPRODUCTIVE: dict[str, Any] = {"color": "#EFEFEF"}


@drawn
def draw_layer_profiles(study: Study, *, kind: str = "sequential", role: RoleName = "small_images") -> Drawing:
    """Draw probe accuracy in percent and saturation of each convolution, a panel a network, with the border layer.

    The tail behind the black line is shaded. `kind` is `sequential`, `multi_path`, `residual` or `attention`, as the
    paper's sections are, or `every`; another name is a `UsageError`.
    """
    if kind not in _KINDS:
        raise unknown("kind of network", kind, _KINDS)
    frame = layers(study, role=role)
    if kind != _EVERY and len(frame):
        frame = frame[frame["architecture"].map(_kind) == kind]
    covered(frame)
    chosen = list(frame["architecture"].unique())
    figure, main, strips = plots.panels(chosen, height=2.0, strip=0.8, extra=1.2)
    for name, above, below in zip(chosen, main, strips, strict=True):
        _draw(above, below, frame[frame["architecture"] == name])
    plots.label_left(main, "probe (%)")
    plots.label_left(strips, "saturation")
    legend(figure, columns=2)
    seeds = frame.groupby("architecture")["seed"].nunique()
    title = study.profile.roles[role].title
    note(figure, f"{title}.", plots.spread_note(seeds), "Saturation: share of directions for 99 % of the variance.")
    return figure


def _kind(architecture: str) -> str:
    """Return which section of the paper a network belongs to."""
    if any(word in architecture for word in _ATTENTION):
        return "attention"
    if architecture.startswith("mpnet"):
        return "multi_path"
    return "sequential" if architecture.startswith("vgg") or architecture.endswith("_no_skips") else "residual"


def _draw(above: Axes, below: Axes, frame: pd.DataFrame) -> None:
    by_layer = summarise(frame.sort_values("layer"), ["layer"], ["accuracy", "saturation"])
    tail = _border(frame)
    for axes in (above, below):
        if tail is not None:
            last = by_layer["layer"].max() + 0.5
            axes.axvspan(tail - 0.5, last, label="from the border on", zorder=0, **_UNPRODUCTIVE)
            axes.axvline(tail - 0.5, label="border layer", **_BORDER)
    plots.curve(above, by_layer["layer"], by_layer, "accuracy", label="probe accuracy", **_PROBE)
    below.bar(by_layer["layer"], by_layer["saturation_mean"], label="saturation", **_SATURATION)
    below.set_ylim(0, 1)
    below.set_xlim(0.3, by_layer["layer"].max() + 0.7)
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.set_xlabel("convolution")


def _border(frame: pd.DataFrame) -> int | None:
    """Return the index of the first convolution that is unproductive by the paper's rule."""
    unproductive = frame.loc[frame["unproductive_paper"], "layer"]
    return None if unproductive.empty else int(unproductive.min())


@drawn
def draw_truncation(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent against parameters, each network whole and without its tail, joined by a line."""
    table = truncation(study, role=role)
    covered(table)
    return before_and_after(
        table,
        {"full": "whole", "truncated": "truncated at the border"},
        cost="parameters",
        title="each network whole, and without its tail",
        label="parameters",
        images=study.profile.roles[role].title,
    )


# The truncated networks of "Should You Go Deeper?" are means over so many runs; of the others it says nothing.


def borderless(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `productivity` whose network has no border."""
    return table[table["tail_layers"] == 0] if len(table) else table


def stems_compared(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a ResNet of `stems`: accuracies and costs with the stem and without, and the paper's change."""
    columns = ["architecture", "accuracy_stem", "accuracy_bare", "change", "reported", "operations"]
    rows = []
    by_name = table.set_index("architecture") if len(table) else table
    for name in (name for name in by_name.index if f"{name}_no_stem" in by_name.index):
        stem, bare = by_name.loc[name], by_name.loc[f"{name}_no_stem"]
        accuracies = [each["accuracy_mean"] for each in (stem, bare)]
        reported_change = bare["reported_accuracy"] - stem["reported_accuracy"]
        costs = [bare["forward_flops"] / stem["forward_flops"]]
        feasible = [each["smallest_feasible_pixels"] for each in (stem, bare)]
        rows.append([name, *accuracies, accuracies[1] - accuracies[0], reported_change, *costs, *feasible])
    return pd.DataFrame(rows, columns=[*columns, "feasible_stem", "feasible_bare"])

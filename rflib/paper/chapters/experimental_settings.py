"""The settings: what the paper prints, what a profile does, and how far the printed first epochs get."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator

from rflib.config import TrainingConfig
from rflib.paper import plots, reported
from rflib.paper.frames import summarise
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.study.origin import traced
from rflib.study.profiles import Role, RoleName
from rflib.study.study import Study

# Row of the paper's protocol -> how a profile answers it.
_ANSWERS = {
    "epochs": lambda role: role.training.epochs,
    "optimizer": lambda role: role.training.optimiser.name.upper(),
    "learning rate": lambda role: role.training.learning_rate,
    "learning rate schedule": lambda role: (
        f"cosine, T_max = {role.training.cosine_period_epochs}, per {role.training.schedule_step}, "
        f"warm-up over {role.training.warmup_epochs:g} of the epochs"
    ),
    "momentum": lambda role: _momentum(role),
    "weight decay": lambda role: role.training.optimiser.weight_decay,
    "gradient clipping": lambda role: _clipping(role),
    "batch size": lambda role: role.training.batch_size,
    "data augmentation": lambda role: _augmentation(role),
    "number of models per combination": lambda role: len(role.seeds),
    "fine-tuning epochs": lambda role: role.fine_tuning.epochs,
    "fine-tuning epochs (long)": lambda role: role.long_fine_tuning_epochs or "–",
    "fine-tuning initial learning rate": lambda role: role.fine_tuning.learning_rate,
    "fine-tuning weight decay": lambda role: role.fine_tuning.optimiser.weight_decay,
    "Hessian eigenvalues shown": lambda role: role.spectrum.eigenvalues if role.spectrum else "–",
    "CKA sample count": lambda role: role.similarity.images if role.similarity else "–",
}


@traced
def protocol(study: Study) -> pd.DataFrame:
    """Return one row a setting: the paper's value ("not stated" where it prints none) and this profile's, by role."""
    printed = reported.training_protocol().set_index("hyperparameter")
    rows = []
    for setting, answer in _ANSWERS.items():
        paper = str(printed.loc[setting, "value"]) or "not stated"
        row = {"setting": setting, "paper": paper}
        rows.append(row | {role.title: str(answer(role)) for role in study.profile.roles.values()})
    return pd.DataFrame(rows)


@traced
def data_sets(study: Study) -> pd.DataFrame:
    """Return one row a data set of the profile: images, side in pixels, channel statistics, content fingerprint."""
    return pd.DataFrame([_data_set(study, name, role.title) for name, role in study.profile.roles.items()])


def _data_set(study: Study, role: RoleName, title: str) -> dict[str, object]:
    facts = study.data_facts(role)
    return {
        "data_set": title,
        "stands_for": {"small_images": "CIFAR-10", "large_images": "Tiny ImageNet"}[role],
        "training_images": facts.train_images,
        "test_images": facts.test_images,
        "classes": facts.classes,
        "side_in_pixels": facts.side_pixels,
        "mean_by_channel": ", ".join(f"{value:.3f}" for value in facts.mean),
        "deviation_by_channel": ", ".join(f"{value:.3f}" for value in facts.deviation),
        "fingerprint": facts.fingerprint,
    }


def _momentum(role: Role) -> str:
    """Return the momentum, or the two betas of an optimiser that averages gradients and squares instead."""
    optimiser = role.training.optimiser
    if optimiser.betas is None:
        return str(optimiser.momentum)
    return "betas {:g} and {:g}".format(*optimiser.betas)


def _clipping(role: Role) -> str:
    limit = role.training.gradient_clip
    return "none" if limit is None else f"{limit:g} by {role.training.gradient_clip_by}"


def _augmentation(role: Role) -> str:
    parts = [f"random crop, {role.training.crop_padding} px of padding"] if role.training.crop_padding else []
    parts += ["horizontal flip"] if role.training.horizontal_flip else []
    return ", ".join(parts) or "none"


SCHEDULES = {
    "usual": "this profile's",
    "printed_norm": "as printed, clipped by norm",
    "printed_value": "as printed, clipped by value",
    "printed_none": "as printed, not clipped",
}
_NETWORK = ["architecture", "pool_kernel"]


@traced
def early_epochs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row an epoch of the first epochs of every schedule: accuracies in percent, training loss, seed."""
    plan = study.profile.roles[role].protocol if role in study.profile.roles else None
    frame = study.frame("history", *SCHEDULES, role=role)
    return frame[frame["epoch"] <= (plan.epochs if plan else 0)]


@traced
def printed_protocol(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and schedule: accuracy in percent after the first epochs, and how far weights went.

    `distance` is the Euclidean distance of all parameters from their initial values at the end of the run,
    `initial_norm` their norm at the beginning. `reach` is the farthest that all epochs of the cosine period can take
    them if the gradient's norm is clipped: learning rates summed over all steps, times the limit, over 1 - momentum;
    weight decay, which only pulls towards zero, comes on top of it. Missing without such a limit.
    """
    early = early_epochs(study, role=role)
    travel = _travel(study, role)
    by = [*_NETWORK, "purpose"]
    reached = early[early["epoch"] == early["epoch"].max()]
    table = summarise(reached, by, ["test_accuracy"]).drop(columns="n")
    table = table.merge(summarise(travel, by, ["distance", "initial_norm", "reach"]), on=by)
    table.insert(2, "schedule", table["purpose"].map(SCHEDULES))
    printed = reported.accuracy()
    printed = printed[
        (printed["role"] == role) & (printed["finetune_epochs"] == 0) & (printed["width_multiplier"] == 1)
    ]
    dense = printed.groupby(_NETWORK)["dense_mean"].first().rename("dense_reported").reset_index()
    return table.merge(dense, on=_NETWORK, how="left").drop(columns="initial_norm_sd")


def _travel(study: Study, role: RoleName) -> pd.DataFrame:
    rows = []
    for item, measurement in study.select("travel", *SCHEDULES, role=role):
        (run,) = item.key.runs
        values = measurement.values
        rows.append(
            {
                "role": item.role,
                "architecture": run.config.model.architecture,
                "pool_kernel": run.config.model.pool_kernel,
                "purpose": item.purpose,
                "seed": run.seed,
                "distance": values["distance"],
                "initial_norm": values["initial_norm"],
                "reach": _reach(run.config.training, values["learning_rate_sum"]),
            }
        )
    names = ("role", "architecture", "pool_kernel", "purpose", "seed", "distance", "initial_norm", "reach")
    return pd.DataFrame(rows, columns=list(names)).astype({"reach": float})


def _reach(training: TrainingConfig, learning_rate_sum: float) -> float | None:
    """How far steps of a clipped norm can lead, or None where nothing bounds them."""
    limit, momentum = training.gradient_clip, training.optimiser.momentum
    if limit is None or momentum is None or training.gradient_clip_by != "norm":
        return None
    return limit * learning_rate_sum / (1 - momentum)


# Not the colours of pool kernels: each panel has one network.
_STYLES: dict[str, dict[str, Any]] = {
    "usual": {"color": "#1A1A1A", "marker": "o", "linestyle": "-"},
    "printed_norm": {"color": "#D7301F", "marker": "s", "linestyle": "-"},
    "printed_value": {"color": "#E08A00", "marker": "^", "linestyle": "--"},
    "printed_none": {"color": "#6A51A3", "marker": "v", "linestyle": ":"},
}


@traced
def reach_of_clipping(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network: `reach` of the printed schedule clipped by norm, beside the `distance` of the usual."""
    table = printed_protocol(study, role=role)
    clipped, usual = (table[table["purpose"] == purpose] for purpose in ("printed_norm", "usual"))
    both = clipped[[*_NETWORK, "reach_mean", "initial_norm_mean"]].merge(
        usual[[*_NETWORK, "distance_mean"]], on=_NETWORK
    )
    return both.assign(times=both["distance_mean"] / both["reach_mean"])


@drawn
def draw_early_training(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent over the first epochs, a panel a network, a line a schedule.

    Dotted across: what the paper reports for the network at the end of its training.
    """
    frame = early_epochs(study, role=role)
    covered(frame)
    by = ["architecture", "pool_kernel", "purpose", "epoch"]
    table = summarise(frame, by, ["test_accuracy"])
    ends = printed_protocol(study, role=role)
    groups = {f"{name}, k = {kernel}": group for (name, kernel), group in table.groupby(by[:2], sort=False)}
    figure, main, _ = plots.panels(list(groups), height=3.0, extra=1.6)
    for axes, group in zip(main, groups.values(), strict=True):
        for purpose, rows in group.groupby("purpose", sort=False):
            style = _STYLES[str(purpose)]
            plots.curve(axes, rows["epoch"], rows, "test_accuracy", label=SCHEDULES[str(purpose)], **style)
        same = ends[(ends[by[:2]] == group[by[:2]].iloc[0]).all(axis=1)]
        for printed in same["dense_reported"].dropna().unique():
            axes.axhline(printed, color="#777777", linestyle=":", linewidth=1.2, label="the paper, at the end")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    plots.accuracy_axis(main)
    main[0].set_ylim(0, 100)
    legend(figure, columns=2)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"]))
    return figure

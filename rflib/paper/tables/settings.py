"""The experimental settings: what the paper prints, what it leaves open, and what a profile does."""

from __future__ import annotations

import pandas as pd

from rflib.paper import reported
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

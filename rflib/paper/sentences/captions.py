"""What every caption of a result table says in the same words: data, weights, spread, whose numbers."""

from __future__ import annotations

from rflib.study.profiles import RoleName
from rflib.study.study import Study

_DATA_OF_THE_PAPER = {"small_images": "CIFAR-10", "large_images": "Tiny ImageNet"}


def measured(study: Study, role: RoleName) -> str:
    """Return the closing sentences of a caption for accuracies measured under `role`."""
    filled = study.profile.roles.get(role)
    if filled is None:
        return f"Not measured under the profile {study.profile.name}."
    return (
        f"Measured on {filled.title}; weights of the last epoch; mean ± sample standard deviation over n seeds, in "
        f"percent. "
        f"Columns marked paper are its printed numbers, on {_DATA_OF_THE_PAPER[role]}."
    )

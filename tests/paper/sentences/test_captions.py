from __future__ import annotations

from pathlib import Path

from rflib.paper import say
from rflib.study.study import open_study


def test_a_caption_names_data_weights_and_spread(project: Path) -> None:
    text = say.measured(open_study("experimental-settings", profile="tiny"), "small_images")
    assert text.startswith(
        "Measured on shapes; weights of the last epoch; mean ± sample standard deviation over n seeds"
    )
    assert text.endswith("Columns marked paper are its printed numbers, on CIFAR-10.")
    assert "`" not in text


def test_a_caption_says_that_a_profile_lacks_the_data(project: Path) -> None:
    text = say.measured(open_study("experimental-settings", profile="tiny"), "large_images")
    assert text == "Not measured under the profile tiny."

"""Every table that the library offers says what it was made from."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable

import pytest

from rflib.paper import chapters, claims, frames, tables
from rflib.study.origin import origin_of
from rflib.study.study import Study

# They list what a study holds, and would otherwise name all of it; `changes` is of rules and holds no measurement.
OF_EVERYTHING = {"changes", "costs", "every_measurement", "measurements"}
MODULES = [
    importlib.import_module(f"{chapters.__name__}.{each.name}") for each in pkgutil.iter_modules(chapters.__path__)
]
MAKERS = {
    name: function
    for module in (frames, claims, *MODULES)
    for name, function in vars(module).items()
    if inspect.isfunction(function)
    and not name.startswith("_")
    and next(iter(inspect.signature(function).parameters), "") in ("study", "runs", "verdicts")
    and inspect.signature(function).return_annotation == "pd.DataFrame"
    and name not in OF_EVERYTHING
}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_function_that_returns_a_frame_is_traced(name: str) -> None:
    assert hasattr(MAKERS[name], "__wrapped__"), f"decorate {name} with rflib.study.origin.traced"


def test_a_shown_table_is_exactly_of_its_role(filled: Callable[..., Study]) -> None:
    study = filled("accuracy-and-pruning")
    table = frames.accuracy_and_pruning(study, rate=0.5)
    shown = tables.captioned(table.drop(columns=["last_map_size"]), name="table-s7", caption="A caption.", study=study)
    expected = sorted(item.key.name for item in study.items if item.key.analysis in ("one_shot", "architecture"))
    _, metadata = shown._repr_mimebundle_()
    assert metadata["rflib"]["name"] == "table-s7"
    assert metadata["rflib"]["measurements"] == expected
    assert metadata["rflib"]["networks"] == 4
    assert metadata["rflib"]["seeds"] == [0, 1]
    assert tables.plain(table.head(1)).origin == origin_of(table)


def test_a_table_without_measurements_says_nothing(nothing: Study) -> None:
    empty = frames.accuracy_and_pruning(nothing)
    assert tables.captioned(empty, name="table-1", caption="A caption.", study=nothing)._repr_mimebundle_()[1] == {}
    assert tables.plain(empty)._repr_mimebundle_()[1] == {}

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rflib.book.parameters import Parameter, check, complete, parse, read
from rflib.errors import RflibError, UsageError

DECLARED = [
    Parameter("profile", "str", "digits", "profile of notebooks/profiles"),
    Parameter("pool_kernels", "list[int] | None", None, "pool kernels, None for the profile's"),
    Parameter("rates", "list[float]", [0.5], "pruning rates"),
    Parameter("learning_rate", "float", 0.1, "learning rate"),
    Parameter("epochs", "int", 2, "epochs"),
    Parameter("debiased", "bool", True, "estimator"),
    Parameter("networks", "list[str]", ["a"], "architectures"),
    Parameter("note", "str | None", None, "free text"),
]


def test_reads_names_types_defaults_and_meanings(write_chapter: Callable[..., Path]) -> None:
    lines = [
        'profile: str = "digits"  # profile of notebooks/profiles',
        "pool_kernels: list[int] | None = None  # pool kernels, None for the profile's",
        "rates: list[float] = [0.5]  # pruning rates",
    ]
    assert read(write_chapter(parameters="\n".join(lines))) == DECLARED[:3]


def test_a_default_is_never_executed(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    chapter = write_chapter(parameters=f"note: str = open({str(tmp_path / 'made')!r}, 'w').name  # evil")
    with pytest.raises(RflibError, match="expected parameter lines like"):
        read(chapter)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "line",
    [
        "rates = [0.5]  # no type",
        "rates: list[float] = [0.5]",
        "rates: list[float]  # no default",
        "rates: dict[str, int] = {}  # a type outside the grammar",
        "epochs: int = 2.5  # a default of another type",
        "epochs: int = None  # None without | None",
        "import os  # not a parameter",
        "epochs: int = = 3  # not Python",
    ],
)
def test_a_line_outside_the_grammar_is_named(write_chapter: Callable[..., Path], line: str) -> None:
    chapter = write_chapter(parameters=line)
    with pytest.raises(RflibError, match="chapter 'sample-chapter': expected parameter lines like") as caught:
        read(chapter)
    assert line.split("  #")[0] in str(caught.value)


def test_exactly_one_parameters_cell(write_chapter: Callable[..., Path]) -> None:
    chapter = write_chapter(":tags: [parameters]\nx: int = 1  # one more")
    with pytest.raises(RflibError, match="expected exactly one cell tagged `parameters`, found 2"):
        read(chapter)
    chapter.write_text(chapter.read_text().replace(":tags: [parameters]\n", ""))
    with pytest.raises(RflibError, match="found 0; put all parameters into one code cell"):
        read(chapter)


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("profile=smoke", "smoke"),
        ("profile=007", "007"),
        ("profile= a=b ", " a=b "),
        ("profile=none", "none"),
        ("note=none", None),
        ("pool_kernels=[1, 2]", [1, 2]),
        ("pool_kernels=[007]", [7]),
        ("pool_kernels=null", None),
        ("pool_kernels=[]", []),
        ("rates=[1e-3, 1, .5]", [0.001, 1.0, 0.5]),
        ("learning_rate=1e-3", 0.001),
        ("learning_rate=1", 1.0),
        ("epochs= 3", 3),
        ("debiased=False", False),
        ("networks=[rf_vgg19, 'a b', 1]", ["rf_vgg19", "a b", "1"]),
    ],
)
def test_text_is_read_by_the_declared_type(assignment: str, value: object) -> None:
    name = assignment.split("=")[0]
    found = parse(DECLARED, [assignment])[name]
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, list):
        assert [type(item) for item in found] == [type(item) for item in value]


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("epochs=1e3", "parameter 'epochs': expected int, found '1e3'; write for example -p 'epochs=3'"),
        ("epochs=none", "parameter 'epochs': expected int, found 'none'"),
        ("epochs=", "parameter 'epochs': expected int, found ''"),
        ("learning_rate=fast", "expected float, found 'fast'; write for example -p 'learning_rate=1e-3'"),
        ("debiased=1", "expected bool, found '1'; write for example -p 'debiased=true'"),
        ("pool_kernels=1", "expected list[int] | None, found '1'; write for example -p 'pool_kernels=[1, 2]'"),
        ("pool_kernels=[1.5]", "expected list[int] | None, found '[1.5]'"),
        ("pool_kernels=[[1]]", "expected list[int] | None, found '[[1]]'"),
        ("rates=[0.5", "expected list[float], found '[0.5'; write for example -p 'rates=[0.5, 0.9]'"),
    ],
)
def test_text_of_another_type_says_what_was_expected(assignment: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(DECLARED, [assignment])
    assert expected in str(caught.value)


def test_an_unknown_name_gets_the_list_and_the_nearest_name() -> None:
    message = (
        "unknown parameter 'pool_kernel': expected one of debiased, epochs, learning_rate, networks, note, "
        "pool_kernels, profile, rates. Did you mean 'pool_kernels'?"
    )
    with pytest.raises(UsageError) as caught:
        parse(DECLARED, ["pool_kernel=[1]"])
    assert str(caught.value) == message
    with pytest.raises(UsageError, match="Did you mean 'pool_kernels'"):
        check(DECLARED, {"pool_kernel": [1]})


def test_a_malformed_or_repeated_assignment_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected NAME=VALUE, found 'epochs'; write for example"):
        parse(DECLARED, ["epochs"])
    with pytest.raises(UsageError, match="'epochs' is given twice"):
        parse(DECLARED, ["epochs=1", "epochs=2"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", True),
        ("epochs", 2.0),
        ("epochs", "2"),
        ("learning_rate", "1e-3"),
        ("learning_rate", False),
        ("debiased", 1),
        ("profile", None),
        ("pool_kernels", [1, True]),
        ("pool_kernels", 1),
        ("rates", "[0.5]"),
        ("rates", None),
    ],
)
def test_typed_values_of_another_type_are_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"parameter '{name}': expected .*found "):
        check(DECLARED, {name: value})


def test_typed_values_pass_and_integers_become_floats() -> None:
    found = check(DECLARED, {"rates": (1, 0.5), "learning_rate": 1, "pool_kernels": None})
    assert found == {"rates": [1.0, 0.5], "learning_rate": 1.0, "pool_kernels": None}
    assert [type(rate) for rate in found["rates"]] == [float, float]


def test_complete_fills_in_the_defaults() -> None:
    values = complete(DECLARED, {"epochs": 9})
    assert values == {parameter.name: parameter.default for parameter in DECLARED} | {"epochs": 9}

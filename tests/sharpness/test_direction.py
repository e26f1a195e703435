"""Directions filter by filter, and the network put back from every place on a line."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rflib.errors import UsageError
from rflib.pruning import Mask
from rflib.sharpness import Direction, filter_normalised_direction
from rflib.sharpness.direction import line


def lengths(weight):
    """Lengths of the filters, one by one."""
    return [sum(number**2 for number in row.flatten().tolist()) ** 0.5 for row in weight]


def test_each_filter_is_as_long_as_the_networks(build):
    model = build()
    direction = filter_normalised_direction(model)
    assert [*direction.parts] == ["0.weight", "3.weight", "7.weight"]
    for name, part in direction.parts.items():
        assert lengths(part) == pytest.approx(lengths(model.get_parameter(name)), rel=1e-12)
    squares = [number**2 for part in direction.parts.values() for number in part.flatten().tolist()]
    assert direction.norm == pytest.approx(sum(squares) ** 0.5, rel=1e-12)


def test_within_filters_the_numbers_are_normal():
    model = nn.Conv2d(8, 50, 5)
    part = filter_normalised_direction(model).parts["weight"]
    standard = torch.cat([row.flatten() / row.std() for row in part])
    quantiles = torch.quantile(standard, torch.tensor([0.1587, 0.5, 0.8413]))
    torch.testing.assert_close(quantiles, torch.tensor([-1.0, 0, 1]), rtol=0, atol=0.05)


def test_pruned_weights_do_not_move_and_the_lengths_are_those_of_survivors(build, mask):
    model = build()
    direction, whole = (filter_normalised_direction(model, mask=m) for m in (mask, None))
    for name, kept in mask.keep.items():
        assert not direction.parts[name][~kept].any()
        assert lengths(direction.parts[name]) == pytest.approx(lengths(model.get_parameter(name) * kept), rel=1e-12)
    assert torch.equal(direction.parts["7.weight"], whole.parts["7.weight"])
    ratios = (direction.parts["3.weight"] / whole.parts["3.weight"])[1][mask.keep["3.weight"][1]]
    torch.testing.assert_close(ratios, ratios[:1].expand_as(ratios))


def test_a_direction_is_a_function_of_seed_and_names(build):
    first, second, other = (filter_normalised_direction(build(), seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(first.parts[name], second.parts[name]) for name in first.parts)
    assert not any(torch.equal(first.parts[name], other.parts[name]) for name in first.parts)
    head = nn.Sequential(nn.Conv2d(2, 3, 3)).double()
    head[0].load_state_dict(build()[0].state_dict())
    assert torch.equal(filter_normalised_direction(head).parts["0.weight"], first.parts["0.weight"])


def test_a_line_starts_at_the_weights_whatever_the_step_before(build, untouched):
    model = build()
    check = untouched(model)
    start = model[0].weight.detach().clone()
    direction = Direction({"0.weight": torch.ones_like(start)})
    with line(model, direction) as move:
        for step in (3.0, 1e300, -0.5):
            move(step)
            assert torch.equal(model[0].weight, start + step)
    check()


def test_the_weights_come_back_bit_for_bit_after_an_exception(build, untouched):
    model = build()
    with torch.no_grad():
        model[0].weight[0] = -0.0
        model[0].weight[1] = 1e-310
    check = untouched(model)

    def interrupted():
        with line(model, filter_normalised_direction(model)) as move:
            move(0.1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    check()


def test_requests_that_cannot_be_right_are_refused(build):
    model = build()
    for name, found in (("0.weight", r"\(3, 2, 3, 3\)"), ("9.weight", "no such parameter")):
        with pytest.raises(UsageError, match=rf"direction of '{name}': expected shape \(2,\), found {found}"):
            Direction({name: torch.ones(2)}).check(model)
    with pytest.raises(UsageError, match=r"mask of '0.weight': expected shape \(1,\), found \(3, 2, 3, 3\)"):
        filter_normalised_direction(model, mask=Mask({"0.weight": torch.ones(1, dtype=torch.bool)}))

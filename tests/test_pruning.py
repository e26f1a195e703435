"""Masks: counts, ties and scopes by hand, torch's own pruning as the second computation, and nothing left behind."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from rflib.errors import UsageError
from rflib.pruning import Mask, magnitude_mask, mask_of_weights, prunable_weights, pruned, replaced

Make = Callable[..., nn.Module]
MATRIX = [[1.0, 2.0, 3.0, 4.0], [-4.0, -3.0, -2.0, -1.0]]


def layers_with(*weights: list[list[float]]) -> nn.Sequential:
    """Return a network whose prunable layers hold these matrices; a convolution before and a linear layer after."""
    layers: list[nn.Module] = [nn.Conv2d(1, 1, 1)]
    for weight in weights:
        rows = torch.tensor(weight)
        layers.append(nn.Conv2d(rows.shape[1], rows.shape[0], 1, bias=False))
        layers[-1].weight = nn.Parameter(rows[:, :, None, None].clone())
    return nn.Sequential(*layers, nn.Linear(1, 1))


def matrices_of(model: nn.Module) -> list[list[list[float]]]:
    return [weight[:, :, 0, 0].tolist() for weight in prunable_weights(model).values()]


def matrices_pruned(weights: list[list[list[float]]], rate: float, **options: object) -> list[list[list[float]]]:
    model = layers_with(*weights)
    magnitude_mask(model, rate, **options).apply_(model)  # type: ignore[arg-type]
    return matrices_of(model)


def random_model(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.Conv2d(5, 7, 3), nn.Conv2d(7, 4, 1), nn.Conv2d(4, 9, 3), nn.Linear(9, 2)
    )


# Count: round(rate x n), half to even, as torch counts (pytorch, test/nn/test_pruning.py).


@pytest.mark.parametrize(
    ("rate", "count", "expected"),
    [(0.4, 17, 7), (0.5, 5, 2), (0.5, 7, 4), (0.3, 5, 2), (0.1, 5, 0), (0.0, 15, 0), (1 / 15, 15, 1), (2 / 3, 15, 10)],
)
def test_the_number_pruned_is_rounded_half_to_even(rate: float, count: int, expected: int) -> None:
    mask = magnitude_mask(layers_with([[float(i + 1) for i in range(count)]]), rate)
    assert (mask.pruned, mask.total) == (expected, count)
    assert mask.rate == expected / count


def test_the_smallest_magnitudes_go_first_and_the_sign_does_not_count() -> None:
    assert matrices_pruned([MATRIX], 2 / 8) == [[[0, 2, 3, 4], [-4, -3, -2, 0]]]
    assert matrices_pruned([MATRIX], 4 / 8) == [[[0, 0, 3, 4], [-4, -3, 0, 0]]]


def test_global_scope_ranks_all_layers_together() -> None:
    small = [[0.0, 0.1, -2.0]]
    assert matrices_pruned([MATRIX, small], 4 / 11) == [[[0, 2, 3, 4], [-4, -3, -2, 0]], [[0, 0, -2]]]


def test_layerwise_scope_prunes_each_layer_at_the_rate() -> None:
    small = [[0.0, 0.1, -2.0, 5.0]]
    found = matrices_pruned([MATRIX, small], 0.5, scope="layerwise")
    assert found == [[[0, 0, 3, 4], [-4, -3, 0, 0]], [[0, 0, -2, 5]]]


def test_live_scope_counts_and_ranks_live_weights_only() -> None:
    """The published case of a mask that is pruned further: two of six live weights, the dead ones not counted."""
    weights = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]
    live = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 1]], dtype=torch.bool)[:, :, None, None]
    mask = magnitude_mask(layers_with(weights), 2 / 6, scope="live", live={"1.weight": live})
    assert (mask.keep["1.weight"] & live)[:, :, 0, 0].int().tolist() == [[0, 0, 1, 0], [1, 1, 0, 1]]
    assert mask.pruned == 2
    assert mask.keep["1.weight"][~live].all()


def test_ties_do_not_change_the_count_and_the_first_go_first() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(-1, 2, (10, 7), generator=generator).mul(2).float().tolist()
    assert magnitude_mask(layers_with(values), 0.2).pruned == 14
    assert matrices_pruned([[[1.0] * 10]], 0.3) == [[[0] * 3 + [1] * 7]]
    assert matrices_pruned([[[2.0, 1.0, -1.0, 0.5, 1.0]]], 0.6) == [[[2, 0, 0, 0, 1]]]


# Layers: the tail alone, say.


def test_named_layers_alone_are_counted_ranked_and_pruned() -> None:
    """Half of the last eight weights, although six smaller ones lie in the first layer."""
    small = [[0.0, 0.125, -0.25, 5.0]]
    assert matrices_pruned([small, MATRIX], 0.5, layers=["2"]) == [small, [[0, 0, 3, 4], [-4, -3, 0, 0]]]
    mask = magnitude_mask(layers_with(small, MATRIX), 0.5, layers=["2"])
    assert (mask.pruned, mask.total) == (4, 12)


def test_scopes_within_named_layers() -> None:
    small, large = [[0.0, 0.125, -0.25, 5.0]], [[6.0, 7.0, 8.0, 9.0]]
    weights = [MATRIX, small, large]
    assert matrices_pruned(weights, 0.5, layers=["2", "3"]) == [MATRIX, [[0, 0, 0, 0]], large]
    apart = [[[0, 0, -0.25, 5]], [[0, 0, 8, 9]]]
    assert matrices_pruned(weights, 0.5, layers=["3", "2"], scope="layerwise") == [MATRIX, *apart]
    live = {f"{i}.weight": torch.ones(r, 4, 1, 1, dtype=torch.bool) for i, r in ((1, 2), (2, 1), (3, 1))}
    live["2.weight"][:, :2] = False
    found = matrices_pruned(weights, 0.5, layers=["2", "3"], scope="live", live=live)
    assert found == [MATRIX, [[0, 0.125, 0, 0]], [[0, 7, 8, 9]]]


@pytest.mark.parametrize("scope", ["global", "layerwise"])
def test_all_layers_named_is_none_named(scope: str) -> None:
    model = random_model()
    named = magnitude_mask(model, 0.77, scope=scope, layers={"1", "2", "3"})
    assert named.fingerprint == magnitude_mask(model, 0.77, scope=scope).fingerprint


def test_a_pruned_tail_is_a_pruned_network_of_the_tail() -> None:
    model = random_model()
    tail = nn.Sequential(nn.Conv2d(1, 1, 1), *model[2:])  # its first convolution is not prunable
    expected = magnitude_mask(tail, 0.6).keep
    mask = magnitude_mask(model, 0.6, layers=["2", "3"])
    assert mask.keep["1.weight"].all()
    assert torch.equal(mask.keep["2.weight"], expected["1.weight"])
    assert torch.equal(mask.keep["3.weight"], expected["2.weight"])


def test_weights_alone_have_the_mask_of_their_network() -> None:
    model = random_model()
    weights = {name: 2 * weight for name, weight in prunable_weights(model).items()}
    assert mask_of_weights(weights, 0.6).fingerprint == magnitude_mask(model, 0.6).fingerprint


@pytest.mark.parametrize(
    ("count", "expected"),
    [(2, [[1, 2, 0, 4], [-4, 0, -2, -1]]), (4, [[1, 0, 0, 4], [-4, 0, 0, -1]])],
)
def test_the_weights_given_are_ranked_and_not_the_networks_own(count: int, expected: list[list[float]]) -> None:
    """The published case of importance scores (pytorch, test/nn/test_pruning.py)."""
    scores = torch.tensor([[4.0, 2.0, 1.0, 3.0], [-3.0, -1.0, -2.0, -4.0]])[:, :, None, None]
    model = layers_with(MATRIX)
    mask_of_weights({"1.weight": scores}, count / 8).apply_(model)
    assert matrices_of(model) == [expected]


# Second computation.


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.77, 0.9, 0.99])
@pytest.mark.parametrize("seed", [0, 1])
def test_global_masks_are_torchs(rate: float, seed: int) -> None:
    model = random_model(seed)
    reference = copy.deepcopy(model)
    prune.global_unstructured([(reference[i], "weight") for i in (1, 2, 3)], prune.L1Unstructured, amount=rate)
    mask = magnitude_mask(model, rate)
    for index in (1, 2, 3):
        assert torch.equal(mask.keep[f"{index}.weight"], reference[index].weight_mask.bool())


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_layerwise_masks_are_torchs(rate: float) -> None:
    model = random_model()
    reference = copy.deepcopy(model)
    mask = magnitude_mask(model, rate, scope="layerwise")
    for index in (1, 2, 3):
        prune.l1_unstructured(reference[index], "weight", amount=rate)
        assert torch.equal(mask.keep[f"{index}.weight"], reference[index].weight_mask.bool())


@pytest.mark.parametrize("scope", ["global", "layerwise", "live"])
def test_masks_nest_as_the_rate_grows(scope: str) -> None:
    model = random_model()
    generator = torch.Generator().manual_seed(0)
    live = {n: torch.rand(w.shape, generator=generator) < 0.7 for n, w in prunable_weights(model).items()}
    masks = [magnitude_mask(model, rate, scope=scope, live=live) for rate in (0.0, 0.3, 0.5, 0.9, 0.95)]
    for wide, narrow in itertools.pairwise(masks):
        assert all((narrow.keep[name] <= wide.keep[name]).all() for name in wide.keep)
        assert narrow.pruned > wide.pruned


# What is pruned.


@pytest.mark.parametrize("architecture", ["rf_vgg16", "rf_vgg19", "rf_resnet26", "rf_resnet50"])
def test_all_convolutions_but_the_first_are_prunable(tiny_model: Make, architecture: str) -> None:
    model = tiny_model(architecture)
    first = "conv1.weight" if "resnet" in architecture else "features.0.weight"
    four_dimensional = {name for name, parameter in model.named_parameters() if parameter.dim() == 4}
    assert prunable_weights(model).keys() == four_dimensional - {first}


def test_what_is_not_prunable_is_left_alone(tiny_model: Make) -> None:
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    mask = magnitude_mask(model, 0.9)
    mask.apply_(model)
    after = model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before.keys() - mask.keep.keys())
    assert all(torch.equal(after[name], before[name] * mask.keep[name]) for name in mask.keep)


def test_rate_zero_is_the_identity(tiny_model: Make) -> None:
    mask = magnitude_mask(tiny_model(), 0.0)
    assert (mask.pruned, mask.rate) == (0, 0.0)
    assert Mask({}).rate == 0.0


def test_masked_weights_have_no_effect_and_get_no_gradient() -> None:
    model = layers_with([[1.0, 2.0]])[:2]
    mask = Mask({"1.weight": torch.tensor([False, True]).view(1, 2, 1, 1)})
    mask.apply_(model)
    images = torch.rand(2, 2, 4, 4)
    output = model[1](images)
    assert torch.equal(output, 2 * images[:, 1:])
    output.sum().backward()
    kept = model[1].weight.grad[0, 1].clone()
    mask.apply_to_gradients_(model)
    assert model[1].weight.grad.flatten().tolist() == [0.0, float(kept)]


def test_masks_are_values(tiny_model: Make) -> None:
    model = tiny_model()
    first, again, other = (magnitude_mask(model, rate) for rate in (0.5, 0.5, 0.9))
    assert first.fingerprint == again.fingerprint == first.to("cpu").fingerprint != other.fingerprint
    assert copy.deepcopy(first).fingerprint == first.fingerprint


# Leaving no trace.


def state_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def test_pruned_puts_every_weight_back_even_after_an_exception(tiny_model: Make) -> None:
    model = tiny_model()
    before, mask = state_of(model), magnitude_mask(model, 0.9)
    zeros: list[int] = []

    def fail_inside() -> None:
        with pruned(model, mask) as inside:
            zeros.append(sum(int((w == 0).sum()) for w in prunable_weights(inside).values()))
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail_inside()
    assert zeros == [mask.pruned]
    after = state_of(model)
    assert all(before[name].numpy().tobytes() == after[name].numpy().tobytes() for name in before)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_other_values_within_a_block_and_the_own_ones_after() -> None:
    model = random_model()
    before = state_of(model)
    with replaced(model, {"2.weight": torch.full((4, 7, 1, 1), 3.0)}):
        assert (model[2].weight == 3).all()
        assert torch.equal(model[1].weight, before["1.weight"])
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_mask_leaves_its_network_alone(tiny_model: Make) -> None:
    model = tiny_model()
    before, generator = state_of(model), torch.get_rng_state()
    magnitude_mask(model, 0.9, scope="layerwise")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)


# Errors.


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan"), 90])
def test_a_rate_out_of_range(rate: float) -> None:
    with pytest.raises(UsageError, match=rf"a pruning rate lies in \[0, 1\), found {rate}"):
        magnitude_mask(random_model(), rate)


def test_live_scope_needs_the_live_weights() -> None:
    with pytest.raises(UsageError, match=r"scope 'live' needs `live`.*see dead_taps\.share"):
        magnitude_mask(random_model(), 0.5, scope="live")


def test_a_mask_of_scores() -> None:
    with pytest.raises(UsageError, match=r"holds booleans, found torch\.float32 for 'w'; use `scores > threshold`"):
        Mask({"w": torch.ones(2)})


@pytest.mark.parametrize(
    ("name", "found"), [("1.weight", r"\(7, 5, 3, 3\)"), ("9.weight", "no such parameter")], ids=["shape", "name"]
)
def test_a_mask_of_another_network(name: str, found: str) -> None:
    mask = Mask({name: torch.ones(2, 2, dtype=torch.bool)})
    message = rf"mask of '{name}': expected shape \(2, 2\), found {found} in the network"
    with pytest.raises(UsageError, match=message):
        mask.apply_(random_model())
    with pytest.raises(UsageError, match=message), pruned(random_model(), mask):
        pass


def test_layers_that_cannot_be_pruned() -> None:
    with pytest.raises(UsageError, match="unknown prunable layer '0': expected one of 1, 2, 3"):
        magnitude_mask(random_model(), 0.5, layers=["3", "0"])
    with pytest.raises(UsageError, match=r"expected at least one layer to prune, found none\. Leave `layers` out"):
        magnitude_mask(random_model(), 0.5, layers=[])

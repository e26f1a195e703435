"""Hessian products against closed forms, dense Hessians and curvlinops."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jvp

from rflib import activations
from rflib.errors import UsageError
from rflib.hessian import HessianProduct
from rflib.pruning import Mask

LOSS = nn.CrossEntropyLoss()


def matrix(product):
    return torch.stack([product(row) for row in torch.eye(product.dimension, dtype=torch.float64)])


class Point(nn.Module):
    """A model whose output is a function of its parameters alone."""

    def __init__(self, values, function):
        super().__init__()
        self.point = nn.Parameter(torch.tensor(values, dtype=torch.float64))
        self.function = function

    def forward(self, images):
        return self.function(self.point)


def hessian_at(values, function):
    return matrix(HessianProduct(Point(values, function), lambda out, _: out, [(torch.zeros(1), torch.zeros(1))]))


def linear(inputs, outputs):
    model = nn.Linear(inputs, outputs, bias=False).double()
    nn.init.zeros_(model.weight)
    return model


X = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize(("reduction", "expected"), [("sum", [2.0, 8.0]), ("mean", [1.0, 4.0])])
def test_linear_regression_has_the_closed_form(reduction, expected):
    def loss(outputs, labels):
        return nn.functional.mse_loss(outputs, labels, reduction=reduction)

    product = HessianProduct(linear(2, 1), loss, [(X, torch.zeros(2, 1, dtype=torch.float64))])
    torch.testing.assert_close(matrix(product).diagonal(), torch.tensor(expected, dtype=torch.float64))


def test_linear_regression_with_two_outputs_is_a_kronecker_product():
    product = HessianProduct(linear(2, 2), nn.MSELoss(), [(X, torch.zeros(2, 2, dtype=torch.float64))])
    expected = 2 / (2 * 2) * torch.kron(torch.eye(2, dtype=torch.float64), X.T @ X)
    torch.testing.assert_close(matrix(product), expected)


def test_logistic_regression_has_the_closed_form():
    labels = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    product = HessianProduct(linear(2, 1), nn.BCEWithLogitsLoss(), [(X, labels)])
    torch.testing.assert_close(matrix(product), torch.tensor([[1 / 8, 0], [0, 1 / 2]], dtype=torch.float64))


def test_softmax_regression_has_the_closed_form():
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    product = HessianProduct(linear(2, 3), LOSS, [(x, torch.tensor([0]))])
    p = torch.full((3,), 1 / 3, dtype=torch.float64)
    torch.testing.assert_close(matrix(product), torch.kron(p.diag() - torch.outer(p, p), x.T @ x))


@pytest.mark.parametrize(
    ("point", "expected"), [([0.0, 0.0], [-1.0, 1.0]), ([1.0, 1.0], [0.0, 2.0]), ([2.0, 0.5], [0.0, 4.25])]
)
def test_a_product_of_two_weights_has_the_hessian_not_gauss_newton(point, expected):
    hessian = hessian_at(point, lambda p: 0.5 * (p[0] * p[1] - 1) ** 2)
    values = torch.linalg.eigvalsh(hessian)
    torch.testing.assert_close(values, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_pruned_coordinates_are_cut_out_not_zeroed():
    a = torch.tensor([[2.0, 1, 0], [1, 3, -1], [0, -1, 4]], dtype=torch.float64)
    model = Point([0.1, 0.2, 0.3], lambda p: 0.5 * p @ a @ p)
    batches = [(torch.zeros(1), torch.zeros(1))]
    whole = HessianProduct(model, lambda out, _: out, batches)
    torch.testing.assert_close(matrix(whole), a)
    cut = HessianProduct(model, lambda out, _: out, batches, mask=Mask({"point": torch.tensor([True, False, True])}))
    assert cut.dimension == 2
    assert cut.by_parameter(torch.tensor([5.0, 6.0]))["point"].tolist() == [5, 0, 6]
    torch.testing.assert_close(matrix(cut), torch.tensor([[2.0, 0], [0, 4]], dtype=torch.float64))


def test_batch_norm_hessian_is_the_dense_one(build, data, oracle):
    model = build()
    with activations.batch_statistics(model):
        product = matrix(HessianProduct(model, LOSS, [data]))
        dense = oracle(model, LOSS, *data)
    torch.testing.assert_close(product, dense, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(product, product.T, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_overlapping_pooling_agrees_with_forward_over_reverse(build, data):
    model = build().eval()
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    generator = torch.Generator().manual_seed(3)
    directions = {
        name: torch.randn(value.shape, generator=generator, dtype=torch.float64) for name, value in parameters.items()
    }

    def mean_loss(values):
        return LOSS(functional_call(model, values, (data[0],)), data[1])

    _, forward_over_reverse = jvp(grad(mean_loss), (parameters,), (directions,))
    product = HessianProduct(model, LOSS, [data])(torch.cat([d.reshape(-1) for d in directions.values()]))
    expected = torch.cat([value.reshape(-1) for value in forward_over_reverse.values()])
    torch.testing.assert_close(product, expected, rtol=1e-12, atol=1e-14)


def test_products_agree_with_curvlinops(build, data):
    curvlinops = pytest.importorskip("curvlinops")
    model = build().eval()
    parameters = list(model.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        operator = curvlinops.HessianLinearOperator(model, LOSS, parameters, [data], check_deterministic=False)
        product = HessianProduct(model, LOSS, [data])
        vector = torch.randn(product.dimension, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        expected = operator @ vector
    torch.testing.assert_close(product(vector), torch.as_tensor(expected), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("graph_bytes", [0, 100_000, 2**30])
def test_unequal_batches_without_batch_norm_sum_to_one_batch(build, data, graph_bytes):
    model = build(norm=False).eval()
    images, labels = data
    parts = list(zip(images.split(5), labels.split(5), strict=True))
    whole = HessianProduct(model, LOSS, [data])
    split = HessianProduct(model, LOSS, parts, graph_bytes=graph_bytes)
    vector = torch.randn(whole.dimension, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(split(vector), whole(vector), rtol=1e-12, atol=1e-14)


def test_cost_counts_kept_and_fresh_graphs(build, data):
    images, labels = data
    parts = list(zip(images[:12].split(4), labels[:12].split(4), strict=True))
    costs = {}
    for graph_bytes in (0, 40_000, 2**30):
        product = HessianProduct(build().eval(), LOSS, parts, graph_bytes=graph_bytes)
        for _ in range(4):
            product(torch.ones(product.dimension, dtype=torch.float64))
        assert product.calls == 4
        costs[graph_bytes] = product.gradient_equivalents
    assert costs == {0: 12.0, 40_000: pytest.approx(1 / 3 + 4 * (2 / 3 + 3 * 2 / 3)), 2**30: 1 + 4 * 2.0}


@pytest.mark.parametrize(("batches", "budget", "kept"), [(1, 1, 1), (2, 60_000, 2), (3, 1, 0), (3, 40_000, 1)])
def test_the_only_batch_that_does_not_fit_is_kept_as_well(build, data, batches, budget, kept):
    """Its graph stands in memory during each product anyway; with two such batches one would come on top."""
    images, labels = (part[:12] for part in data)
    parts = list(zip(images.chunk(batches), labels.chunk(batches), strict=True))
    product = HessianProduct(build().eval(), LOSS, parts, graph_bytes=budget)
    for _ in range(4):
        product(torch.ones(product.dimension, dtype=torch.float64))
    share = kept / batches
    assert product.gradient_equivalents == pytest.approx(share + 4 * (2 * share + 3 * (1 - share)))


def test_chosen_parameters_give_a_diagonal_block(build, data, oracle):
    model = build().eval()
    last = list(model[-1].parameters())
    block = matrix(HessianProduct(model, LOSS, [data], parameters=last))
    torch.testing.assert_close(block, oracle(model, LOSS, *data)[-len(block) :, -len(block) :], rtol=1e-9, atol=1e-12)


def test_unused_and_linear_parameters_have_zero_rows():
    hessian = hessian_at([1.0, 2.0, 3.0], lambda p: 4 * p[0] + p[1] ** 2)
    torch.testing.assert_close(hessian, torch.diag(torch.tensor([0.0, 2.0, 0.0], dtype=torch.float64)))
    assert torch.equal(hessian_at([1.0, 2.0], lambda p: 4 * p[0]), torch.zeros(2, 2, dtype=torch.float64))


def test_requests_that_cannot_be_right_are_refused(build, data):
    model = build()
    with pytest.raises(UsageError, match="reduction='mean', found 'sum'"):
        HessianProduct(model, nn.CrossEntropyLoss(reduction="sum"), [data])
    with pytest.raises(UsageError, match="at least one batch"):
        HessianProduct(model, LOSS, [])
    with pytest.raises(UsageError, match=r"mask of '0.weight': expected shape \(2,\), found \(4, 2, 3, 3\)"):
        HessianProduct(model, LOSS, [data], mask=Mask({"0.weight": torch.ones(2, dtype=torch.bool)}))
    with pytest.raises(UsageError, match=r"expected parameters of the model, found others of shapes \[\(2,\)\]"):
        HessianProduct(model, LOSS, [data], parameters=[torch.ones(2, requires_grad=True)])
    model.requires_grad_(False)
    with pytest.raises(UsageError, match="require gradients, found none"):
        HessianProduct(model, LOSS, [data])
    with pytest.raises(UsageError, match="require gradients, found one that does not"):
        HessianProduct(model, LOSS, [data], parameters=list(model.parameters()))

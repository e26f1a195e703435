"""CKA against published values, the written-out HSIC sums, and its invariances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from rflib import cka
from rflib.errors import UsageError


@pytest.fixture
def features():
    """Data of Kornblith's demonstration notebook (google-research, representation_similarity)."""
    random = np.random.RandomState(1337)
    x = random.randn(100, 10)
    return torch.tensor(x), torch.tensor(random.randn(100, 10) + x)


@pytest.fixture
def build():
    def network(seed, width=3):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(2, width, 3, padding=1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 4, 3, stride=2),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(4, 5, 1),
        )

    return network


@pytest.fixture
def images():
    return torch.randn(11, 2, 7, 7, generator=torch.Generator().manual_seed(0))


def biased_hsic(k, m):
    """Gretton et al., tr(K H L H)."""
    h = np.eye(len(k)) - 1 / len(k)
    return np.trace(k @ h @ m @ h)


def unbiased_hsic(k, m):
    """Song et al., equation 4, with the diagonals removed."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    cross = one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + cross - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))


def written_out(x, y, hsic):
    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


HSIC = {"biased": biased_hsic, "debiased": unbiased_hsic}


@pytest.mark.parametrize(("estimator", "expected"), [("biased", 0.55761326), ("debiased", 0.51345649)])
def test_published_values(features, estimator, expected):
    assert cka.linear_cka(*features, estimator) == pytest.approx(expected, abs=5e-9)


def test_feature_space_form_agrees(features):
    x, y = (part - part.mean(0) for part in features)
    expected = (x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())
    assert cka.linear_cka(*features, "biased") == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("estimator", HSIC)
@pytest.mark.parametrize("n", [4, 9])
def test_written_out_formula(estimator, n):
    random = np.random.RandomState(0)
    x, y = random.randn(n, 6) + 3, random.randn(n, 2) - 1
    value = cka.linear_cka(torch.tensor(x), torch.tensor(y), estimator)
    assert value == pytest.approx(written_out(x, y, HSIC[estimator]), rel=1e-10)


def test_unbiased_hsic_is_the_mean_over_distinct_quadruples():
    """The definition behind Song's equation: an average of products of centred pairs over all distinct indices."""
    random = np.random.RandomState(2)
    k, m = (part @ part.T for part in (random.randn(6, 2), random.randn(6, 3)))
    terms = [k[a, b] * (m[a, b] + m[c, d] - 2 * m[a, c]) for a, b, c, d in itertools.permutations(range(6), 4)]
    assert unbiased_hsic(k, m) == pytest.approx(np.mean(terms), rel=1e-12)


@pytest.mark.parametrize("estimator", HSIC)
def test_invariances(features, estimator):
    x, y = features
    value = cka.linear_cka(x, y, estimator)
    random = np.random.RandomState(3)
    rotation = torch.tensor(np.linalg.qr(random.randn(10, 10))[0])
    assert cka.linear_cka(x @ rotation, y, estimator) == pytest.approx(value, abs=1e-12)
    assert cka.linear_cka(1e3 * x, 1e-3 * y, estimator) == pytest.approx(value, abs=1e-12)
    assert cka.linear_cka(x + 7, y, estimator) == pytest.approx(value, abs=1e-12)
    assert cka.linear_cka(y, x, estimator) == pytest.approx(value, abs=1e-12)
    assert cka.linear_cka(x, x, estimator) == pytest.approx(1, abs=1e-12)
    assert abs(cka.linear_cka(x @ torch.tensor(random.randn(10, 10)), y, estimator) - value) > 0.01


@pytest.mark.parametrize(("n", "p"), [(32, 8), (64, 32), (128, 128)])
def test_bias_on_unrelated_data_is_p_over_n_plus_p(n, p):
    random = np.random.RandomState(0)
    pairs = [[torch.tensor(random.randn(n, p)) for _ in range(2)] for _ in range(20)]
    biased, debiased = ([cka.linear_cka(x, y, e) for x, y in pairs] for e in ("biased", "debiased"))
    assert np.mean(biased) == pytest.approx(p / (n + p), abs=0.02)
    assert np.mean(debiased) == pytest.approx(0, abs=0.02)
    assert min(debiased) < 0


def outputs_of_convolutions(model, images):
    """The convolutions' outputs, flattened, layer by layer without hooks."""
    model, found, x = model.eval(), [], images
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            found.append(x.detach().clone().flatten(1).double().numpy())
    return found


@pytest.mark.parametrize("estimator", HSIC)
def test_networks_with_inplace_relu_against_the_written_out_formula(build, images, estimator):
    a, b = build(0), build(1, width=5)
    result = cka.compare(a, b, images, layers_b=["6", "0"], estimator=estimator, batch_size=4)
    rows = outputs_of_convolutions(a, images)
    columns = [outputs_of_convolutions(b, images)[index] for index in (2, 0)]
    expected = [[written_out(x, y, HSIC[estimator]) for y in columns] for x in rows]
    np.testing.assert_allclose(result.values, expected, atol=1e-5)
    assert result.values.dtype == np.float64
    assert (result.layers_a, result.layers_b) == (("0", "2", "6"), ("6", "0"))
    assert (result.estimator, result.images) == (estimator, 11)


def test_both_estimators_come_from_the_same_passes(build, images):
    model = build(0)
    both = cka.compare_estimators(model, build(1), images)
    for estimator in ("biased", "debiased"):
        single = cka.compare(model, build(1), images, estimator=estimator)
        assert np.array_equal(both[estimator].values, single.values)


def test_one_network_with_itself_runs_once(build, images):
    model, runs = build(0), []
    handle = model.register_forward_hook(lambda *_: runs.append(1))
    within = cka.compare(model, model, images, layers_b=["6", "0"], batch_size=11)
    assert len(runs) == 2  # one image to learn the shapes, then all
    handle.remove()
    twin = cka.compare(model, build(0), images, layers_b=["6", "0"], batch_size=11)
    np.testing.assert_allclose(within.values, twin.values, atol=1e-12)
    assert within.values[0, 1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"batch_size": 4}, {"activation_bytes": 1}])
def test_batches_and_budgets_do_not_change_the_result(build, images, options):
    a, b = build(0), build(1)
    whole = cka.compare(a, b, images, batch_size=100)
    np.testing.assert_allclose(cka.compare(a, b, images, **options).values, whole.values, atol=1e-6)


def test_a_small_activation_budget_takes_one_pass_a_layer(build, images):
    model, runs = build(0), []
    model.register_forward_hook(lambda *_: runs.append(1))
    cka.compare(model, model, images, activation_bytes=1)
    assert len(runs) == 1 + 3


def test_a_large_common_offset_does_not_drown_the_differences(build, images):
    a, b = build(0), build(1)
    plain = cka.compare(a, b, images, layers_a=["2"], layers_b=["2"]).values
    with torch.no_grad():
        a[2].bias += 1000
    shifted = cka.compare(a, b, images, layers_a=["2"], layers_b=["2"]).values
    np.testing.assert_allclose(shifted, plain, atol=1e-3)


def test_a_layer_that_never_varies_is_nan(build, images):
    model = build(0)
    nn.init.zeros_(model[2].weight)
    values = cka.compare(model, model, images).values
    assert np.isnan(values[1]).all()
    assert np.isfinite(values[0, 0])


def test_repeats_bit_for_bit(build, images):
    first, second = (cka.compare(build(0), build(1), images).values for _ in range(2))
    assert np.array_equal(first, second)


def state(model):
    modules = list(model.modules())
    return (
        {name: value.clone() for name, value in model.state_dict().items()},
        [(m.training, len(m._forward_hooks)) for m in modules],
        [(parameter.requires_grad, parameter.grad) for parameter in model.parameters()],
        torch.get_rng_state(),
    )


@pytest.mark.parametrize("fails", [False, True])
def test_leaves_no_trace(build, images, fails):
    model = build(0)
    before = state(model)
    if fails:
        with pytest.raises(RuntimeError, match="channels"):
            cka.compare(model, model, images[:, :1])
    else:
        cka.compare(model, model, images)
    after = state(model)
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert before[1:3] == after[1:3]
    assert torch.equal(before[3], after[3])


def test_requests_that_cannot_be_right_are_refused(build, images):
    model = build(0)
    with pytest.raises(UsageError, match="unknown CKA estimator 'unbiased': expected one of biased, debiased"):
        cka.compare(model, model, images, estimator="unbiased")
    with pytest.raises(UsageError, match="unknown module '7'"):
        cka.compare(model, model, images, layers_a=["7"])
    with pytest.raises(UsageError, match="at least 4 images, found 3"):
        cka.compare(model, model, images[:3])
    with pytest.raises(UsageError, match="at least one layer"):
        cka.compare(nn.Sequential(nn.Flatten()), model, images)
    with pytest.raises(UsageError, match="found 5 and 4 rows"):
        cka.linear_cka(torch.ones(5, 2), torch.ones(4, 2))


def test_a_layer_that_runs_twice_is_refused(images):
    convolution = nn.Conv2d(2, 2, 1)
    model = nn.Sequential(convolution, nn.ReLU(), convolution)
    with pytest.raises(UsageError, match="layer '0' to run once in a forward pass, found 2 times"):
        cka.compare(model, model, images)

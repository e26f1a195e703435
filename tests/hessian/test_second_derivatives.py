"""Lean second derivatives against PyTorch's own and against finite differences."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from rflib.hessian.second_derivatives import LeanSecondDerivatives


def double(*shape, seed=0):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.requires_grad_()


def lean(function):
    def run(*arguments):
        with LeanSecondDerivatives():
            return function(*arguments)

    return run


def second_derivatives(function, arguments):
    """Gradients of a nonlinear functional of the gradients, so that every path through them counts."""
    output = function(*arguments)
    weights = double(*output.shape, seed=7).detach()
    gradients = torch.autograd.grad((output * weights).square().sum(), arguments, create_graph=True)
    return torch.autograd.grad(sum((gradient.sin() * 3).sum() for gradient in gradients), arguments)


CONVOLUTIONS = {
    "plain": (F.conv2d, (2, 4, 6, 5), (3, 4, 3, 3), {}),
    "strided, padded": (F.conv2d, (2, 4, 7, 7), (6, 4, 3, 3), {"stride": 2, "padding": (1, 0)}),
    "grouped, dilated": (F.conv2d, (2, 4, 7, 6), (6, 2, 2, 3), {"groups": 2, "dilation": (2, 1), "padding": [1]}),
    "one axis": (F.conv1d, (2, 3, 9), (4, 3, 3), {"stride": 2}),
    "three axes": (F.conv3d, (2, 2, 4, 4, 4), (3, 2, 2, 2, 2), {"padding": 1}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("bias", [False, True])
def test_convolutions_have_pytorchs_second_derivatives(name, bias):
    convolution, image, kernel, options = CONVOLUTIONS[name]
    arguments = [double(*image), double(*kernel, seed=1)] + ([double(kernel[0], seed=2)] if bias else [])

    def function(*given):
        return convolution(*given, **options)

    torch.testing.assert_close(lean(function)(*arguments), function(*arguments))
    for own, expected in zip(
        second_derivatives(lean(function), arguments), second_derivatives(function, arguments), strict=True
    ):
        torch.testing.assert_close(own, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 4, 2, 3), (5, 4), (3, 4, 6)])
def test_batch_norm_has_pytorchs_second_derivatives(shape):
    arguments = [double(*shape), double(4, seed=1), double(4, seed=2)]

    def function(values, weight, bias):
        return F.batch_norm(values + 3, None, None, weight, bias, training=True, eps=1e-3)

    for own, expected in zip(
        second_derivatives(lean(function), arguments), second_derivatives(function, arguments), strict=True
    ):
        torch.testing.assert_close(own, expected, rtol=1e-9, atol=1e-9)


def test_both_agree_with_finite_differences():
    arguments = [double(3, 2, 3, 3), double(2, 2, 2, 2, seed=1), double(2, seed=2), double(2, seed=3)]

    @lean
    def function(values, kernel, weight, bias):
        return F.batch_norm(F.conv2d(values, kernel), None, None, weight, bias, training=True)

    assert gradcheck(function, arguments)
    assert gradgradcheck(function, arguments)


@pytest.mark.parametrize("wanted", [0, 1])
def test_arguments_without_gradients_are_left_out(wanted):
    """The images of the first layer, or a layer whose weights are fixed."""
    arguments = [double(2, 3, 5, 5), double(4, 3, 3, 3, seed=1)]
    arguments[1 - wanted] = arguments[1 - wanted].detach()
    outputs = [function(*arguments).sin().sum() for function in (lean(F.conv2d), F.conv2d)]
    found = []
    for output in outputs:
        (gradient,) = torch.autograd.grad(output, arguments[wanted], create_graph=True)
        found.append(torch.autograd.grad(gradient.square().sum(), arguments[wanted])[0])
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


def test_other_forms_are_left_to_pytorch():
    values, kernel, ones = double(2, 2, 4, 4), double(2, 2, 3, 3, seed=1), torch.ones(2, dtype=torch.float64)
    means = torch.zeros(2, dtype=torch.float64)
    forms = {
        "padding as text": lambda: F.conv2d(values, kernel, padding="same"),
        "one image": lambda: F.conv2d(values[0], kernel),
        "frozen statistics": lambda: F.batch_norm(values, means, ones, ones, means),
        "no weight": lambda: F.batch_norm(values, None, None, training=True),
    }
    for form in forms.values():
        torch.testing.assert_close(lean(form)(), form(), rtol=0, atol=0)
    means.zero_()
    lean(lambda: F.batch_norm(values, means, ones, ones, ones, training=True))()
    assert means.abs().sum() > 0, "running statistics are kept where they are asked for"


def test_third_derivatives_are_refused():
    values, kernel = double(2, 2, 4, 4), double(2, 2, 3, 3, seed=1)
    output = lean(F.conv2d)(values, kernel).pow(3).sum()
    (first,) = torch.autograd.grad(output, kernel, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), kernel, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        second.sum().backward()

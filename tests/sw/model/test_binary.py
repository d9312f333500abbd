"""Forward rules and gradient estimators of binarisation."""

import torch

from sw.model.binary import BinaryLinear, activation_sign, probability_value, weight_sign


def test_activation_sign_is_piecewise_quadratic():
    x = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0], requires_grad=True)
    y = activation_sign(x)
    y.sum().backward()
    assert y.tolist() == [-1, -1, -1, 1, 1, 1, 1]
    assert x.grad.tolist() == [0, 0, 1, 2, 1.5, 0, 0]


def test_weight_sign_clips_the_gradient():
    w = torch.tensor([[-1.5, -1.0, 0.0, 0.5, 1.5]], requires_grad=True)
    y = weight_sign(w, torch.tensor([[0.25]]))
    y.backward(torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    assert y.tolist() == [[-0.25, -0.25, 0.25, 0.25, 0.25]]
    assert w.grad.tolist() == [[0, 2, 3, 4, 0]]


def test_probability_rounds_half_to_even_and_trains_the_clip():
    p = torch.tensor([0.0, 0.25, 0.26, 0.5, 0.9], requires_grad=True)
    c = torch.tensor(0.5, requires_grad=True)
    y = probability_value(p, c)
    grad = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    y.backward(grad)
    assert y.tolist() == [0, 0, 0.5, 0.5, 0.5]
    assert p.grad.tolist() == [1, 2, 3, 4, 0]
    want = 0 + 2 * (0 - 0.5) + 3 * (1 - 0.52) + 4 * (1 - 1) + 5 * 1
    torch.testing.assert_close(c.grad, torch.tensor(want))


def test_binary_linear_centres_rows_and_scales():
    linear = BinaryLinear(4, 2)
    linear.weight.data = torch.tensor([[1.0, 2.0, 3.0, 6.0], [-1.0, -1.0, -1.0, -5.0]])
    y = linear(torch.tensor([[1.0, -1.0, 1.0, 1.0]]))
    # means 3 and -2; row signs (-, -, +, +) and (+, +, +, -); scales 3 and 2
    assert y.tolist() == [[3.0 * (-1 + 1 + 1 + 1), 2.0 * (1 - 1 + 1 - 1)]]
    assert linear.exact_zeros() == 1

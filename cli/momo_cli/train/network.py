"""The network in NumPy, with its gradient written by hand, in exact or in noisy arithmetic."""

from __future__ import annotations

import numpy as np

from momo_cli.train.datasets import Array


class Arithmetic:
    """The arithmetic of the arrays themselves."""

    def __call__(self, x: Array) -> Array:
        """Return `x` as the result of one rounded operation."""
        return x

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the matrix product."""
        product: Array = a @ b
        return self(product)

    def sum(self, x: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """Return the sum along an axis, or of everything."""
        return self(np.asarray(x.sum(axis, keepdims=keepdims)))


class NoisyArithmetic(Arithmetic):
    """
    Monte-Carlo arithmetic: each result is multiplied by ``1 + unit * xi``, xi uniform in [-1, 1].

    A sum of n terms gets ``sqrt(n) * unit * xi`` times the norm of its terms besides, for the order
    in which they are added.

    Parameters
    ----------
    unit : float
        Unit roundoff of the arithmetic imitated.
    seed : int
        Seed of the noise.
    """

    def __init__(self, unit: float, *, seed: int) -> None:
        self._unit = unit
        self._generator = np.random.default_rng(seed)

    def __call__(self, x: Array) -> Array:
        """Return `x` with a relative error."""
        rounded: Array = x + x * self._noise(x)
        return rounded

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the matrix product with the error of its order of summation."""
        product = a @ b
        order = np.sqrt(a.shape[-1] * ((a * a) @ (b * b)))
        return self(product + order * self._noise(product))

    def sum(self, x: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """Return the sum with the error of its order of summation."""
        total = np.asarray(x.sum(axis, keepdims=keepdims))
        order = np.sqrt(x.size / total.size * (x * x).sum(axis, keepdims=keepdims))
        return self(total + order * self._noise(total))

    def _noise(self, x: Array) -> Array:
        return self._unit * self._generator.uniform(-1, 1, np.shape(x))


def outputs(weights: list[Array], x: Array) -> Array:
    """Return the network's outputs, one row an example."""
    return _forward(weights, x, Arithmetic())[1]


def loss_and_gradients(
    weights: list[Array], x: Array, y: Array, arithmetic: Arithmetic | None = None
) -> tuple[float, list[Array]]:
    """
    Return the mean loss of a batch and its gradients, one for each of `weights`.

    The loss is the cross-entropy for class numbers `y`, half the squared error for real ones.
    """
    r = arithmetic or Arithmetic()
    hidden, output = _forward(weights, x, r)
    loss = _cross_entropy if y.dtype.kind == "i" else _half_squared_error
    value, slope = loss(output, y, r)
    back = r(r.matmul(slope, weights[2].T) * r(1 - r(hidden * hidden)))
    gradients = [
        r.matmul(x.T, back),
        r.sum(back, 0),
        r.matmul(hidden.T, slope),
        r.sum(slope, 0),
    ]
    return float(value), gradients


def _forward(weights: list[Array], x: Array, r: Arithmetic) -> tuple[Array, Array]:
    w1, b1, w2, b2 = weights
    hidden = r(np.tanh(r(r.matmul(x, w1) + b1)))
    return hidden, r(r.matmul(hidden, w2) + b2)


def _cross_entropy(output: Array, y: Array, r: Arithmetic) -> tuple[Array, Array]:
    """Return the mean cross-entropy and its derivative by the outputs."""
    shifted = r(output - output.max(axis=1, keepdims=True))
    powers = r(np.exp(shifted))
    totals = r.sum(powers, 1, keepdims=True)
    of_target = np.take_along_axis(shifted, y[:, None], axis=1)
    value = r(r.sum(r(r(np.log(totals)) - of_target)) / len(y))
    target = np.arange(output.shape[1]) == y[:, None]
    return value, r(r(r(powers / totals) - target) / len(y))


def _half_squared_error(output: Array, y: Array, r: Arithmetic) -> tuple[Array, Array]:
    """Return half the mean squared error and its derivative by the outputs."""
    error = r(output - y)
    return r(r.sum(r(error * error)) / (2 * y.size)), r(error / y.size)

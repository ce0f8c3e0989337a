"""The tasks: real data, a network, a loss; the same numbers for every framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from momo_cli.sweep import networks
from momo_cli.sweep.networks import CHARACTERS, TIME_FEATURES, Network, Shapes, Weights
from momo_cli.train.datasets import Array, characters, digits

TEXT_EXAMPLES = 1024
NOISE_DRAWS = 4  # noises an image in the loss that is reported
NOISE_SEED = 0

Examples = tuple[Array, Array]


@dataclass(frozen=True)
class Task:
    """
    What is learnt, with which network.

    Attributes
    ----------
    load : callable
        Returns the training set: inputs and targets.
    network : callable
        From weights and inputs to outputs; see `momo_cli.sweep.networks`.
    loss : callable
        From outputs and targets to the mean loss.
    shapes : tuple of shapes
        Of the weights.
    ridge : float
        The loss has this times half the squared norm of the weights besides.
    draw : callable, optional
        Makes inputs and targets of examples with the help of a generator.
    """

    title: str
    load: Callable[[], Examples]
    network: Network
    loss: Callable[..., Any]
    shapes: Shapes
    steps: int
    batch_size: int
    ridge: float = 0.0
    draw: Callable[[Examples, np.random.Generator], Examples] | None = None

    def objective(self, weights: Weights, x: Any, y: Any, *, xp: Any) -> Any:
        """Return the loss of a batch, differentiable by the framework of `xp`."""
        loss = self.loss(self.network(weights, x, xp=xp), y, xp=xp)
        return loss + self.ridge * networks.ridge(weights, xp=xp) if self.ridge else loss

    def examples_of_loss(self) -> Examples:
        """Return the examples whose mean loss is reported: the training set, noises drawn once."""
        x, y = self.load()
        if self.draw is None:
            return x, y
        many = np.repeat(x, NOISE_DRAWS, axis=0), np.repeat(y, NOISE_DRAWS, axis=0)
        return self.draw(many, np.random.default_rng(NOISE_SEED))


def noised(examples: Examples, generator: np.random.Generator) -> Examples:
    """
    Return images with noise at random times, and the noise.

    The share of the image falls as ``cos(pi/2 t)``, t uniform in [0, 1]; cosines and sines of t are
    appended to the pixels.
    """
    images, _ = examples
    time = generator.uniform(0, 1, (len(images), 1))
    noise = np.asarray(generator.standard_normal(images.shape))
    seen = np.cos(np.pi / 2 * time) * images + np.sin(np.pi / 2 * time) * noise
    angles = np.pi * time * 2.0 ** np.arange(TIME_FEATURES // 2)
    x: Array = np.column_stack([seen, np.cos(angles), np.sin(angles)])
    return x.astype(np.float32), noise.astype(np.float32)


def _digits() -> Examples:
    data = digits()
    return data.x_train, data.y_train


def _centred_digits() -> Examples:
    x, y = _digits()
    return 2 * x - 1, y


def _text() -> Examples:
    codes = characters()[: TEXT_EXAMPLES * CHARACTERS + 1]
    return codes[:-1].reshape(-1, CHARACTERS), codes[1:].reshape(-1, CHARACTERS)


def _table(name: str) -> Examples:
    """Return a table of scikit-learn, its columns standardised; the constant ones are left out."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x = x[:, x.std(axis=0) > 0]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x.astype(np.float32), y.astype(np.int64)


def _logistic(name: str, rows: int, columns: int, classes: int) -> Task:
    return Task(
        f"{name.replace('_', ' ')}, logistic regression",
        partial(_table, name),
        networks.linear,
        networks.cross_entropy,
        ((columns, classes), (classes,)),
        steps=300,
        batch_size=32,
        ridge=1 / rows,
    )


TASKS = {
    "digits-cnn": Task(
        "digits, convolutional network", _digits, networks.cnn, networks.cross_entropy,
        networks.CNN_SHAPES, steps=300, batch_size=32,
    ),
    "text-transformer": Task(
        "text, transformer", _text, networks.transformer, networks.cross_entropy,
        networks.TRANSFORMER_SHAPES, steps=300, batch_size=16,
    ),
    "digits-diffusion": Task(
        "digits, diffusion", _centred_digits, networks.denoiser, networks.squared_error,
        networks.DENOISER_SHAPES, steps=300, batch_size=64, draw=noised,
    ),
    "cancer-logistic": _logistic("breast_cancer", 569, 30, 2),
    "wine-logistic": _logistic("wine", 178, 13, 3),
    "digits-logistic": _logistic("digits", 1797, 61, 10),
}  # fmt: skip

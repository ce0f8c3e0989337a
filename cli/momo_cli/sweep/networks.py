"""
The networks, written once for NumPy and every framework.

`xp` is a namespace with the names that ``numpy``, ``array_api_compat.torch``, ``jax.numpy`` and
``keras.ops`` share.  Weights are matrices and vectors in the order of the function's ``SHAPES``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from momo_cli.train.datasets import VOCABULARY

Weights = Sequence[Any]
Network = Callable[..., Any]
Shapes = tuple[tuple[int, ...], ...]

PIXELS, SIDE, CLASSES = 64, 8, 10
FILTERS = (16, 32)
CHARACTERS = 16
WIDTH, HEADS = 32, 2
TIME_FEATURES, HIDDEN = 8, 128

CNN_SHAPES: Shapes = (
    (9, FILTERS[0]), (FILTERS[0],), (9 * FILTERS[0], FILTERS[1]), (FILTERS[1],),
    (FILTERS[1], CLASSES), (CLASSES,),
)  # fmt: skip
TRANSFORMER_SHAPES: Shapes = (
    (VOCABULARY, WIDTH), (CHARACTERS, WIDTH), (WIDTH, 3 * WIDTH), (WIDTH, WIDTH),
    (WIDTH, 4 * WIDTH), (4 * WIDTH,), (4 * WIDTH, WIDTH), (WIDTH,), (WIDTH, VOCABULARY), (VOCABULARY,),
)  # fmt: skip
DENOISER_SHAPES: Shapes = (
    (PIXELS + TIME_FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, PIXELS), (PIXELS,),
)  # fmt: skip


def linear(weights: Weights, x: Any, *, xp: Any) -> Any:
    """Return the logits of logistic regression."""
    matrix, bias = weights
    return xp.matmul(x, matrix) + bias


def cnn(weights: Weights, x: Any, *, xp: Any) -> Any:
    """Return the logits of images in rows of 64 pixels: 3x3, pool, 3x3, dense."""
    w1, b1, w2, b2, w3, b3 = weights
    maps = xp.reshape(x, (-1, SIDE, SIDE, 1))
    maps = _relu(xp.matmul(_patches(maps, xp), w1) + b1, xp)
    half = (SIDE - 2) // 2
    maps = xp.max(xp.reshape(maps, (-1, half, 2, half, 2, FILTERS[0])), axis=(2, 4))
    maps = _relu(xp.matmul(_patches(maps, xp), w2) + b2, xp)
    return xp.matmul(xp.reshape(maps, (-1, FILTERS[1])), w3) + b3


def transformer(weights: Weights, characters: Any, *, xp: Any) -> Any:
    """Return the logits of the character after each of (batch, 16): one block, causal."""
    table, places, attend, mix, up, up_bias, down, down_bias, head, head_bias = weights
    stream = xp.take(table, xp.reshape(characters, (-1,)), axis=0)
    stream = xp.reshape(stream, (-1, CHARACTERS, WIDTH)) + places
    stream = stream + xp.matmul(_attention(xp.matmul(_normalised(stream, xp), attend), xp), mix)
    inner = _relu(xp.matmul(_normalised(stream, xp), up) + up_bias, xp)
    stream = stream + xp.matmul(inner, down) + down_bias
    return xp.matmul(_normalised(stream, xp), head) + head_bias


def denoiser(weights: Weights, x: Any, *, xp: Any) -> Any:
    """Return the noise in images of 64 pixels, each followed by features of the time."""
    w1, b1, w2, b2, w3, b3 = weights
    hidden = _relu(xp.matmul(x, w1) + b1, xp)
    hidden = hidden + _relu(xp.matmul(hidden, w2) + b2, xp)
    return xp.matmul(hidden, w3) + b3


def cross_entropy(logits: Any, classes: Any, *, xp: Any) -> Any:
    """Return the mean cross-entropy, in nats."""
    highest = xp.max(logits, axis=-1, keepdims=True)
    shifted = logits - highest
    normaliser = xp.log(xp.sum(xp.exp(shifted), axis=-1))
    hit = classes[..., None] == xp.arange(logits.shape[-1])
    return xp.mean(normaliser - xp.sum(xp.where(hit, shifted, 0.0), axis=-1))


def squared_error(outputs: Any, targets: Any, *, xp: Any) -> Any:
    """Return the mean squared error."""
    return xp.mean((outputs - targets) ** 2)


def ridge(weights: Weights, *, xp: Any) -> Any:
    """Return half the squared norm of the weights."""
    return sum(xp.sum(weight**2) for weight in weights) / 2


def _relu(x: Any, xp: Any) -> Any:
    return xp.where(x > 0, x, 0.0)


def _patches(maps: Any, xp: Any) -> Any:
    """Return the 3x3 neighbourhoods of (batch, rows, columns, channels), without padding."""
    rows, columns = maps.shape[1] - 2, maps.shape[2] - 2
    moved = [maps[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return xp.concatenate(moved, axis=-1)


def _normalised(x: Any, xp: Any) -> Any:
    return x / xp.sqrt(xp.mean(x**2, axis=-1, keepdims=True) + 1e-5)


def _attention(mixed: Any, xp: Any) -> Any:
    """Return causal attention; `mixed` has queries, keys and values of all heads in a row."""
    size = WIDTH // HEADS
    apart = xp.reshape(mixed, (-1, CHARACTERS, 3, HEADS, size))
    queries, keys, values = (xp.moveaxis(apart[:, :, part], 1, 2) for part in range(3))
    scores = xp.matmul(queries, xp.moveaxis(keys, -1, -2)) / size**0.5
    place = xp.arange(CHARACTERS)
    scores = xp.where(place[:, None] >= place, scores, -1e9)
    powers = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    attended = xp.matmul(powers / xp.sum(powers, axis=-1, keepdims=True), values)
    return xp.reshape(xp.moveaxis(attended, 1, 2), (-1, CHARACTERS, WIDTH))

"""The three data sets, none of which is downloaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

CONTEXT = 8  # characters that the text model sees
VOCABULARY = 48  # most frequent characters; all others count as a space
TEXT_EXAMPLES = 8192
TEST_SHARE = 0.2
SPLIT_SEED = 0  # the split belongs to the data set, not to the run


@dataclass(frozen=True)
class Dataset:
    """
    Inputs in float32 and targets: class numbers (``int64``) or real columns (``float32``).

    `outputs` is the number of columns of the network's output.
    """

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    outputs: int


def digits() -> Dataset:
    """Return the handwritten digits of scikit-learn: 64 grey values in [0, 1], 10 classes."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return _split((x / 16).astype(np.float32), y.astype(np.int64), outputs=10)


def regression() -> Dataset:
    """Return the diabetes study of scikit-learn: 10 features and a target, standardised."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    columns = np.column_stack([x, y])
    columns = ((columns - columns.mean(axis=0)) / columns.std(axis=0)).astype(np.float32)
    return _split(columns[:, :-1], columns[:, -1:], outputs=1)


def text() -> Dataset:
    """
    Return a character model of English: the manual that Python carries for ``help()``.

    The input is the one-hot code of `CONTEXT` characters, the class is the next character. The
    last part of the text is the test set.
    """
    codes = characters()
    starts = np.linspace(0, len(codes) - CONTEXT - 1, TEXT_EXAMPLES, dtype=np.int64)
    windows = codes[starts[:, None] + np.arange(CONTEXT + 1)]
    x = np.eye(VOCABULARY, dtype=np.float32)[windows[:, :-1]].reshape(len(starts), -1)
    y = windows[:, -1]
    cut = round(len(y) * (1 - TEST_SHARE))
    return Dataset(x[:cut], y[:cut], x[cut:], y[cut:], VOCABULARY)


def characters() -> Array:
    """Return the manual as numbers below `VOCABULARY`, one a character (``int64``)."""
    from pydoc_data.topics import topics

    manual = " ".join(" ".join(topics[name].split()) for name in sorted(topics))
    frequent = [character for character, _ in Counter(manual).most_common(VOCABULARY)]
    number = {character: index for index, character in enumerate(frequent)}
    return np.array([number.get(character, number[" "]) for character in manual])


def _split(x: Array, y: Array, *, outputs: int) -> Dataset:
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x))
    cut = round(len(x) * (1 - TEST_SHARE))
    train, test = order[:cut], order[cut:]
    return Dataset(x[train], y[train], x[test], y[test], outputs)


DATASETS: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "text": text,
    "regression": regression,
}

"""
The loss of a linear network once more, and its gradient without the chain rule.

The network is linear in each layer: its derivative by an entry of a layer is the network itself with that
layer replaced by the matrix that is one there and zero elsewhere.  Matrices are lists of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

Matrix = list[list[Any]]


def loss_and_gradients(
    inputs: Matrix, targets: Matrix, layers: Sequence[Matrix]
) -> tuple[Any, list[list[Any]]]:
    """Mean of the squared errors, and its gradient by the entries of each layer, row by row."""
    outputs = _network(inputs, layers)
    errors = [[y - t for y, t in zip(*rows, strict=True)] for rows in zip(outputs, targets, strict=True)]
    count = len(targets) * len(targets[0])
    gradients = [
        [2 * _inner(errors, _network(inputs, other)) / count for other in _units(layers, index)]
        for index in range(len(layers))
    ]
    return _inner(errors, errors) / count, gradients


def _units(layers: Sequence[Matrix], index: int) -> list[list[Matrix]]:
    """The layers with each unit matrix in the place of one of them."""
    rows, columns = len(layers[index]), len(layers[index][0])
    units = [
        [[int((i, j) == (row, column)) for j in range(columns)] for i in range(rows)]
        for row in range(rows)
        for column in range(columns)
    ]
    return [[*layers[:index], unit, *layers[index + 1 :]] for unit in units]


def _network(inputs: Matrix, layers: Sequence[Matrix]) -> Matrix:
    return reduce(_product, layers, inputs)


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = [*zip(*right, strict=True)]
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left]


def _inner(left: Matrix, right: Matrix) -> Any:
    return sum(a * b for rows in zip(left, right, strict=True) for a, b in zip(*rows, strict=True))

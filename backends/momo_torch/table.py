"""Where the memory of the tensors of a step is, for kernels that take addresses."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Addresses = npt.NDArray[np.int64]

CHUNK = 32768
"""Elements that a thread takes at once."""

NUMPY_DTYPES: dict[Any, Any] = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}


class UnsuitableError(Exception):
    """Tensors that the kernels do not take; the text says why."""


class Table:
    """
    Addresses of the tensors of a step, and how they are divided into chunks.

    Parameters
    ----------
    params, grads : list of tensors
    states : list of dicts of tensors
        The state of each parameter.
    arrays : tuple of str
        Those of the state that have the shape of the parameter.
    numbers : tuple of str
        Those that are one number, the count of steps first.

    Raises
    ------
    UnsuitableError
        If the kernels cannot take the tensors.
    """

    def __init__(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        states: list[dict[str, Tensor]],
        arrays: tuple[str, ...],
        numbers: tuple[str, ...],
    ) -> None:
        self.params, self.states, self.count = params, states, len(params)
        self.dtype = params[0].dtype
        if self.dtype not in NUMPY_DTYPES:
            raise UnsuitableError(f"parameters are {self.dtype}")
        self.strides = [param.stride() for param in params]
        self._items = operator.itemgetter(*arrays, *numbers)
        self.kept = list(chain.from_iterable(map(self._items, states)))
        _check_dense(params)
        self._check(params)
        for name in arrays:
            self._check([own[name] for own in states])
        for name in numbers:
            _check_numbers([own[name] for own in states])
        _check_apart(params)
        self.like = np.zeros(0, NUMPY_DTYPES[self.dtype])
        self.counter_like = np.zeros(0, NUMPY_DTYPES[states[0][numbers[0]].dtype])
        self.chunks = _chunks([param.numel() for param in params])
        self.starts = np.searchsorted(self.chunks[:, 0], np.arange(self.count))
        self._lay_out(len(arrays))
        self.grads: list[Tensor] = []
        self.update(grads)

    def _lay_out(self, arrays: int) -> None:
        """Columns of addresses; that of the gradients is filled at each step."""
        # Nobody gives state another memory without another tensor, but if so, the old one stays.
        self._alive = [tensor.untyped_storage() for tensor in self.kept]
        kept = _addresses(self.kept).reshape(self.count, -1)
        self.pointers = np.zeros((self.count, 2 + arrays), np.int64)
        self.pointers[:, 0] = _addresses(self.params)
        self.pointers[:, 2:] = kept[:, :arrays]
        self.step_pointers, *self.number_pointers = np.ascontiguousarray(kept[:, arrays:].T)

    def update(self, grads: list[Tensor]) -> None:
        """
        Take the gradients of the next step.

        Raises
        ------
        UnsuitableError
        """
        if not same(grads, self.grads):
            self._check(grads)
            self.grads = grads
        self.pointers[:, 1] = _addresses(grads)

    def holds(self, params: list[Tensor], states: list[dict[str, Tensor]]) -> bool:
        """Whether these are its tensors, where they were."""
        return (
            same(params, self.params)
            and same(states, self.states)
            and all(map(operator.is_, chain.from_iterable(map(self._items, states)), self.kept))
            and bool((_addresses(self.params) == self.pointers[:, 0]).all())
        )

    def _check(self, tensors: Sequence[Tensor]) -> None:
        """Check format, place and layout."""
        if any(tensor.layout is not torch.strided for tensor in tensors):
            raise UnsuitableError("tensors that are not dense")
        if not set(map(type, tensors)) <= {Tensor, torch.nn.Parameter}:
            raise UnsuitableError("tensors of another class")
        if not all(tensor.is_cpu for tensor in tensors):
            raise UnsuitableError("tensors that are not on the CPU")
        if any(tensor.dtype is not self.dtype for tensor in tensors):
            raise UnsuitableError("tensors of several dtypes")
        if any(tensor.is_neg() for tensor in tensors):
            raise UnsuitableError("a tensor that is the negative of another one")
        for tensor, param, stride in zip(tensors, self.params, self.strides, strict=True):
            if tensor.stride() != stride or tensor.shape != param.shape:
                raise UnsuitableError("a gradient or a state with another memory layout than its parameter")


def same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether these are the same objects."""
    return len(left) == len(right) and all(map(operator.is_, left, right))


def _addresses(tensors: Sequence[Tensor]) -> Addresses:
    return np.fromiter(map(Tensor.data_ptr, tensors), np.int64, len(tensors))


def _chunks(sizes: Iterable[int]) -> Addresses:
    """Rows (tensor, start, stop)."""
    rows = [
        (index, start, min(start + CHUNK, size))
        for index, size in enumerate(sizes)
        for start in range(0, max(size, 1), CHUNK)
    ]
    return np.array(rows, dtype=np.int64)


def _check_dense(params: Sequence[Tensor]) -> None:
    if not all(torch.ops.aten.is_non_overlapping_and_dense(param) for param in params):
        raise UnsuitableError("a parameter whose elements do not fill their memory once")


def _check_numbers(tensors: Sequence[Tensor]) -> None:
    if len({tensor.dtype for tensor in tensors}) > 1 or tensors[0].dtype not in NUMPY_DTYPES:
        raise UnsuitableError("counters of other dtypes")
    if not all(tensor.is_cpu and tensor.numel() == 1 for tensor in tensors):
        raise UnsuitableError("counters that are not on the CPU")


def _check_apart(params: Sequence[Tensor]) -> None:
    """Parameters that share memory depend on the order in which they are moved."""
    spans = sorted((param.data_ptr(), param.nbytes) for param in params if param.numel())
    if any(start + extent > following for (start, extent), (following, _) in pairwise(spans)):
        raise UnsuitableError("parameters that share memory")

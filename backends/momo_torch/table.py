"""Where the memory of the tensors of a step is, for kernels that take addresses."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from momo_kernels.chunks import CHUNK

from .suitable import (
    NUMPY_DTYPES,
    UnsuitableError,
    check_numbers,
    check_params,
    check_plain,
    layouts,
    same,
    spans_apart,
)

_dtype_of = operator.attrgetter("dtype")

Addresses = npt.NDArray[np.int64]
Numbers = Mapping[str, npt.NDArray[Any]]
"""Arrays of shape () by name."""


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
        self.params, self.count = params, len(params)
        check_params(params)
        self.dtype = params[0].dtype
        self._items, self._layouts = operator.itemgetter(*arrays, *numbers), layouts(params)
        shapes = list(map(Tensor.size, params))
        for name in arrays:
            if list(map(Tensor.size, [own[name] for own in states])) != shapes:
                raise UnsuitableError("a state of another shape than its parameter")
            self._check([own[name] for own in states])
        for name in numbers:
            check_numbers([own[name] for own in states])
        self.like = np.zeros(0, NUMPY_DTYPES[self.dtype])
        self.counter_like = np.zeros(0, NUMPY_DTYPES[states[0][numbers[0]].dtype])
        self.chunks = _chunks([param.numel() for param in params])
        self.starts = np.searchsorted(self.chunks[:, 0], np.arange(self.count))
        self._lay_out(list(chain.from_iterable(map(self._items, states))), len(arrays))
        self._grads: list[weakref.ref[Tensor]] = []
        self._numels = list(map(Tensor.numel, params))
        self.update(grads)

    def _lay_out(self, kept: list[Tensor], arrays: int) -> None:
        """Columns of addresses; that of the gradients is filled at each step."""
        # As long as the memory lives, nothing else can be at these addresses.
        self._alive = [tensor.untyped_storage() for tensor in (*self.params, *kept)]
        spans = spans_apart([*self.params, *kept])
        self._starts = np.array([*(start for start, _ in spans), np.iinfo(np.int64).max])
        self._stops = np.array([0, *(stop for _, stop in spans)])
        self._sizes = np.array([param.nbytes for param in self.params])
        params, states = _addresses(self.params), _addresses(kept)
        self._param_pointers, self._state_pointers = params.tolist(), states.tolist()
        columns = states.reshape(self.count, -1)
        self.pointers = np.zeros((self.count, 2 + arrays), np.int64)
        self.pointers[:, 0] = params
        self.pointers[:, 2:] = columns[:, :arrays]
        self.step_pointers, *self.number_pointers = np.ascontiguousarray(columns[:, arrays:].T)

    def update(self, grads: list[Tensor]) -> None:
        """
        Take the gradients of the next step.

        Raises
        ------
        UnsuitableError
        """
        if self._known(grads):
            return
        self._grads.clear()
        self._check(grads)
        starts = _addresses(grads)
        position = np.searchsorted(self._starts[:-1], starts, side="right")
        if (starts < self._stops[position]).any() or (starts + self._sizes > self._starts[position]).any():
            raise UnsuitableError("a gradient that shares memory with a parameter or a state")
        self.pointers[:, 1] = starts
        # Gradients of zero_grad(set_to_none=False) are the same tensors again; others must not live on.
        self._grads, self._grad_pointers = list(map(weakref.ref, grads)), starts.tolist()

    def _known(self, grads: list[Tensor]) -> bool:
        """
        Whether these gradients were checked before: the same tensors, where they were.

        ``zero_grad(set_to_none=False)`` keeps them.  Only weak references are kept of others, whose
        memory must not live on.
        """
        return (
            len(grads) == len(self._grads)
            and all(map(operator.is_, map(operator.call, self._grads), grads))
            and list(map(Tensor.data_ptr, grads)) == self._grad_pointers
            and set(map(_dtype_of, grads)) == {self.dtype}
            and list(map(Tensor.numel, grads)) == self._numels
        )

    def holds(self, params: list[Tensor], states: list[dict[str, Tensor]]) -> bool:
        """Whether these are its parameters, and they and their states are where they were."""
        kept = chain.from_iterable(map(self._items, states))
        return (
            same(params, self.params)
            and list(map(Tensor.data_ptr, params)) == self._param_pointers
            and list(map(Tensor.data_ptr, kept)) == self._state_pointers
            and layouts(params) == self._layouts
        )

    def _check(self, tensors: Sequence[Tensor]) -> None:
        """Check format, place and layout of tensors that belong to the parameters."""
        check_plain(tensors, self.dtype)
        if layouts(tensors) != self._layouts:
            raise UnsuitableError("a gradient or a state with another memory layout than its parameter")


class ScalarViews:
    """
    Numbers of an optimizer as arrays on the same memory.

    Parameters
    ----------
    names : list of str
    tensors : list of tensors, shape ()
    dtype : torch.dtype
        Of all of them but those that are bool.

    Raises
    ------
    UnsuitableError
        If they are of another kind.
    """

    def __init__(self, names: list[str], tensors: list[Tensor], dtype: torch.dtype) -> None:
        check_plain([tensor for tensor in tensors if tensor.dtype is not torch.bool], dtype)
        self.tensors, self.pointers = tensors, list(map(Tensor.data_ptr, tensors))
        self.arrays: Numbers = {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}

    def holds(self, tensors: list[Tensor]) -> bool:
        """Whether these are its tensors, where they were."""
        return same(tensors, self.tensors) and list(map(Tensor.data_ptr, tensors)) == self.pointers


def _addresses(tensors: Sequence[Tensor]) -> Addresses:
    pointers = np.fromiter(map(Tensor.data_ptr, tensors), np.int64, len(tensors))
    if not pointers.all() and any(tensor.numel() and not tensor.data_ptr() for tensor in tensors):
        raise UnsuitableError("a tensor without memory")
    return pointers


def _chunks(sizes: Iterable[int]) -> Addresses:
    """Rows (tensor, start, stop)."""
    rows = [
        (index, start, min(start + CHUNK, size))
        for index, size in enumerate(sizes)
        for start in range(0, max(size, 1), CHUNK)
    ]
    return np.array(rows, dtype=np.int64)

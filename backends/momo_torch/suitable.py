"""Which tensors the kernels take."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

NUMPY_DTYPES: dict[Any, Any] = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}

# Calls in Python for each of many tensors would take longer than the step.
_is_cpu, _dtype_of, _layout_of = map(operator.attrgetter, ("is_cpu", "dtype", "layout"))


class UnsuitableError(Exception):
    """Tensors that the kernels do not take; the text says why."""


def check_first(params: Sequence[Tensor]) -> None:
    """
    Check device and dtype of the first parameter: quick, and what most often speaks against kernels.

    Raises
    ------
    UnsuitableError
    """
    if not params[0].is_cpu:
        raise UnsuitableError("tensors that are not on the CPU")
    if params[0].dtype not in NUMPY_DTYPES:
        raise UnsuitableError(f"parameters are {params[0].dtype}")


def check_params(params: Sequence[Tensor]) -> None:
    """
    Check that kernels can take these parameters, whatever their gradients are.

    Raises
    ------
    UnsuitableError
    """
    check_first(params)
    check_plain(params, params[0].dtype)
    if any(param.is_inference() for param in params):
        raise UnsuitableError("a parameter that was made in inference mode")
    _check_dense(params)
    spans_apart(params)


def check_plain(tensors: Sequence[Tensor], dtype: torch.dtype) -> None:
    """
    Check class, place and format.

    Raises
    ------
    UnsuitableError
    """
    if not set(map(type, tensors)) <= {Tensor, torch.nn.Parameter}:
        raise UnsuitableError("tensors of another class")
    if not set(map(_layout_of, tensors)) <= {torch.strided}:
        raise UnsuitableError("tensors that are not dense")
    if not all(map(_is_cpu, tensors)):
        raise UnsuitableError("tensors that are not on the CPU")
    if not set(map(_dtype_of, tensors)) <= {dtype}:
        raise UnsuitableError("tensors of several dtypes")
    if any(map(Tensor.is_neg, tensors)):
        raise UnsuitableError("a tensor that is the negative of another one")


def same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether these are the same objects."""
    return len(left) == len(right) and all(map(operator.is_, left, right))


def layouts(tensors: Sequence[Tensor]) -> list[Any]:
    """
    What two lists of tensors share whose elements lie in memory in the same order.

    For contiguous ones these are the numbers of elements: PyTorch compares the shape of a gradient
    with that of its parameter when it is set.
    """
    if all(map(Tensor.is_contiguous, tensors)):
        return list(map(Tensor.numel, tensors))
    return [*map(Tensor.size, tensors), *map(Tensor.stride, tensors)]


def _check_dense(params: Sequence[Tensor]) -> None:
    if not all(torch.ops.aten.is_non_overlapping_and_dense(param) for param in params):
        raise UnsuitableError("a parameter whose elements do not fill their memory once")


def check_numbers(tensors: Sequence[Tensor]) -> None:
    """
    Check state of one number for each parameter.

    Raises
    ------
    UnsuitableError
    """
    if len({tensor.dtype for tensor in tensors}) > 1 or tensors[0].dtype not in NUMPY_DTYPES:
        raise UnsuitableError("counters of other dtypes")
    if not all(tensor.is_cpu and tensor.numel() == 1 for tensor in tensors):
        raise UnsuitableError("counters that are not on the CPU")


def spans_apart(tensors: Sequence[Tensor]) -> list[tuple[int, int]]:
    """
    Where dense tensors begin and end in memory, in order.

    Raises
    ------
    UnsuitableError
        If they share memory, so that the result depended on the order of the writes.
    """
    places = ((tensor.data_ptr(), tensor.nbytes) for tensor in tensors)
    spans = sorted((start, start + size) for start, size in places if size)
    if any(stop > following for (_, stop), (following, _) in pairwise(spans)):
        raise UnsuitableError("parameters that share memory")
    return spans

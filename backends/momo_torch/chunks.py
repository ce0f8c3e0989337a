"""
The tensors of a step in chunks that stay in a processor's cache.

A large tensor is several chunks, views of its memory where it is dense and laid out in memory as its
gradient and its averages are.  Small tensors of one shape are one chunk together, copied side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

SIZES = {"cpu": 3 << 17}
"""Elements of the arrays that a step computes of a chunk, together: on a CPU they fit into its cache."""

LARGE = 1 << 22
"""Elements of a chunk on other devices, which need much work for a call."""

PACKED = 6
"""Arrays of a pack, which are copies, and of a small model, which are kept."""

LINE = 16
"""Elements of float32 in a line of the cache."""

Places = Mapping[str, Any]
"""What a chunk reads and writes, by name: ``param``, ``grad`` and the averages."""


class Chunk:
    """
    A part of one tensor, as an array of one dimension.

    Parameters
    ----------
    positions : list of int
        The tensors, by their positions among those of the step.
    places : mapping of str to tensor
    """

    def __init__(self, positions: list[int], places: Places) -> None:
        self.positions, self.places = positions, places

    def read(self, name: str) -> Tensor:
        """An array of the chunk; a view, where it can be."""
        place: Tensor = self.places[name]
        return place if place.ndim == 1 else place.reshape(-1)

    def write(self, values: Mapping[str, Tensor]) -> None:
        """Write back those arrays of the chunk that have a place."""
        for name, place in self.places.items():
            value = values.get(name)
            if value is not None and value.data_ptr() != place.data_ptr():
                place.copy_(value if place.ndim == 1 else value.view(place.shape))

    def numbers(self, values: Sequence[Tensor]) -> Tensor:
        """What is one number for each tensor, as an array to calculate with."""
        return values[self.positions[0]]


class Pack(Chunk):
    """Several tensors of one shape: a row of a matrix for each, numbers in a column."""

    def read(self, name: str) -> Tensor:
        """A matrix, a copy."""
        places = self.places[name]
        return torch.stack(places).view(len(places), places[0].numel())

    def write(self, values: Mapping[str, Tensor]) -> None:
        """Write the rows back into the tensors."""
        for name, places in self.places.items():
            if name in values:
                rows = values[name].view(len(places), *places[0].shape).unbind()
                torch._foreach_copy_(places, rows)

    def numbers(self, values: Sequence[Tensor]) -> Tensor:
        """A column."""
        return torch.stack([values[position] for position in self.positions]).unsqueeze(1)


def chunk_size(like: Tensor, arrays: int) -> int:
    """Elements of a chunk on the device of a tensor, where a step has so many arrays of it at once."""
    size = SIZES.get(like.device.type)
    return LARGE if size is None else max(1, size // arrays)


def fit_into_a_chunk(tensors: Sequence[Tensor]) -> bool:
    """Whether all of these together are no more than one pack."""
    return sum(map(Tensor.numel, tensors)) <= chunk_size(tensors[0], PACKED)


def chunks_of(
    tensors: Sequence[Places], numbers: Sequence[Places], kinds: Iterable[object], arrays: int
) -> list[Chunk]:
    """
    Divide the tensors of a step into chunks.

    Parameters
    ----------
    tensors : sequence of mappings of str to tensor
        For each parameter ``param``, ``grad`` and its averages, all of one shape.
    numbers : sequence of mappings of str to tensor, shape ()
        What else is written of each parameter.
    kinds : iterable
        What tensors have in common that may share a chunk, hashable.
    arrays : int
        Arrays of a chunk that the step computes and has at once.
    """
    first = tensors[0]["param"]
    size, packed = chunk_size(first, arrays), chunk_size(first, PACKED)
    alike: dict[object, list[int]] = {}
    for position, (places, kind) in enumerate(zip(tensors, kinds, strict=True)):
        param = places["param"]
        # A tensor with too many elements for a pack is alone.
        key = (kind, param.shape) if 2 * param.numel() <= packed else position
        alike.setdefault(key, []).append(position)
    return [chunk for some in alike.values() for chunk in _chunks(tensors, numbers, some, size, packed)]


def _chunks(
    tensors: Sequence[Places], numbers: Sequence[Places], positions: list[int], size: int, packed: int
) -> Iterator[Chunk]:
    """Chunks of tensors of one kind and shape, or of one tensor."""
    first = positions[0]
    if len(positions) == 1:
        for part in _parts(tensors[first], size):
            yield Chunk(positions, {**part, **numbers[first]})
        return
    width = packed // max(1, tensors[first]["param"].numel())
    for start in range(0, len(positions), width):
        some = positions[start : start + width]
        each = [{**tensors[position], **numbers[position]} for position in some]
        yield Pack(some, {name: [places[name] for places in each] for name in each[0]})


def _parts(places: Places, size: int) -> Iterator[Places]:
    """Parts of a tensor."""
    count = places["param"].numel()
    if count <= size:
        return iter([places])
    flat = _flat(list(places.values()))
    if flat is not None:
        columns = [torch.split(tensor, _even(count, size)) for tensor in flat]
    else:
        shape = places["param"].shape
        longest = max(range(len(shape)), key=shape.__getitem__)
        width = max(1, size * shape[longest] // count)
        columns = [torch.split(tensor, width, longest) for tensor in places.values()]
    return (dict(zip(places, row, strict=True)) for row in zip(*columns, strict=True))


def _even(count: int, size: int) -> int:
    """Elements of parts that are about as large as each other, a multiple of those in a line of the cache."""
    return -(-count // -(-count // size) // LINE) * LINE


def _flat(tensors: Sequence[Tensor]) -> list[Tensor] | None:
    """Views of the memory of dense tensors with one layout."""
    first = tensors[0]
    if any(tensor.stride() != first.stride() for tensor in tensors):
        return None
    if first.is_contiguous():
        return [tensor.view(-1) for tensor in tensors]
    if not torch.ops.aten.is_non_overlapping_and_dense(first):
        return None
    return [tensor.as_strided((tensor.numel(),), (1,)) for tensor in tensors]


def share_memory(written: Sequence[Tensor], read: Sequence[Tensor]) -> bool:
    """Whether a tensor that is written may share memory with another one, so that the order matters."""
    tensors = [*written, *read]
    starts = np.fromiter(map(Tensor.data_ptr, tensors), np.int64, len(tensors))
    stops = starts + np.fromiter(map(_reach, tensors), np.int64, len(tensors))
    order = np.argsort(starts, kind="stable")
    starts, stops, is_written = starts[order], stops[order], order < len(written)
    end = np.maximum.accumulate(stops)[:-1]
    end_written = np.maximum.accumulate(np.where(is_written, stops, 0))[:-1]
    taken = np.where(is_written[1:], end, end_written)
    return bool((starts[1:] < np.minimum(taken, stops[1:])).any())


def _reach(tensor: Tensor) -> int:
    """Bytes from the beginning of a tensor to its end in memory."""
    if tensor.is_contiguous() or not tensor.numel():
        return tensor.nbytes
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    return (1 + sum((size - 1) * stride for size, stride in steps)) * tensor.itemsize

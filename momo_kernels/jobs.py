"""
What the threads that work on a call share.

A thread that was asked to help may come late, when the call is over: so a job belongs to all who may still
look at it, and who enters it after it was closed must go at once.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from .chunks import CHUNK
from .compiled import address
from .frame import OPERANDS, QUESTION, RESULTS, data, elements, schedule, size, threads
from .memory import add, allocate, give_way, inlined, load_real, number_of, put, release, store_real, word

NUMBERS, ARRAYS = 4, 3
"""Operands before the arrays, and results before them."""

CLOSED = 1 << 32
"""More than there can be threads."""

# Words of a job, before its arrays.
_DOOR, _OWNERS, _TAKEN, _TENSORS, _CHUNKS, _COLUMNS, _SUMS, _FRAME, _QUESTION = range(9)
_HEADER = _QUESTION + QUESTION


@inlined
def _pointers_at(job: int) -> Any:
    """Where the address of each array of each tensor is."""
    return job + 8 * _HEADER


@inlined
def _rows_at(job: int) -> Any:
    """Where the rows (tensor, start, stop) of the chunks are."""
    return _pointers_at(job) + 8 * word(job, _TENSORS) * word(job, _COLUMNS)


@inlined
def _sums_at(job: int) -> Any:
    """Where the sums of each chunk are."""
    return _rows_at(job) + 24 * word(job, _CHUNKS)


@inlined
def new_job(frame: int) -> Any:
    """A job with room for its arrays, of its maker and of the one who works first."""
    tensors, sums = size(frame, OPERANDS, 1, 0), size(frame, OPERANDS, 3, 0)
    chunks = 0
    for tensor in range(tensors):
        chunks += max(-(-elements(frame, NUMBERS + tensor) // CHUNK), 1)
    columns = (word(frame, OPERANDS) - NUMBERS + word(frame, RESULTS) - ARRAYS) // tensors
    job = allocate(8 * (_HEADER + tensors * columns + (3 + sums) * chunks))
    put(job, _DOOR, 0)
    put(job, _OWNERS, 2)
    put(job, _TAKEN, 0)
    put(job, _TENSORS, tensors)
    put(job, _CHUNKS, chunks)
    put(job, _COLUMNS, columns)
    put(job, _SUMS, sums)
    put(job, _FRAME, frame)
    return job


@inlined
def lay_out(frame: int, job: int) -> Any:
    """Fill the arrays of a job; returns the number of elements of all tensors."""
    tensors, columns, pointers = word(job, _TENSORS), word(job, _COLUMNS), _pointers_at(job)
    read = word(frame, OPERANDS) - NUMBERS
    for index in range(tensors * columns):
        if index < read:
            place = data(frame, OPERANDS, NUMBERS + index)
        else:
            place = data(frame, RESULTS, ARRAYS + index - read)
        put(pointers, index % tensors * columns + index // tensors, place)
    row, total = _rows_at(job), 0
    for tensor in range(tensors):
        count = elements(frame, NUMBERS + tensor)
        total += count
        for start in range(0, max(count, 1), CHUNK):
            put(row, 0, tensor)
            put(row, 1, start)
            put(row, 2, min(start + CHUNK, count))
            row += 24
    return total


@inlined
def start_helpers(frame: int, job: int, task: int) -> None:
    """Ask XLA for other threads, which may or may not come."""
    question = job + 8 * _QUESTION
    for _ in range(min(threads(frame, question), word(job, _CHUNKS)) - 1):
        add(job + 8 * _OWNERS, 1)
        if not schedule(frame, question, task, job):
            disown(job)


@inlined
def close(job: int) -> None:
    """Let nobody else in, and wait until all have left: nobody holds more than a chunk."""
    add(job + 8 * _DOOR, CLOSED)
    while add(job + 8 * _DOOR, 0) != CLOSED:
        give_way()


@inlined
def disown(job: int) -> None:
    """Free a job that nobody else has."""
    if add(job + 8 * _OWNERS, -1) == 1:
        release(job)


@inlined
def add_up(frame: int, job: int, wide: bool) -> None:
    """Add the sums of the chunks, in their order."""
    width, sums = 8 if wide else 4, _sums_at(job)
    after, each = data(frame, RESULTS, 0), data(frame, RESULTS, 1)
    for row in range(word(job, _SUMS)):
        total = part = 0.0
        for chunk in range(word(job, _CHUNKS)):
            found, at = load_real(sums, True), _rows_at(job) + 24 * chunk
            part = found if word(at, 1) == 0 else part + found
            store_real(each + width * (row * word(job, _TENSORS) + word(at, 0)), part, wide)
            total += found
            sums += 8
        store_real(after + width * row, load_real(after + width * row, wide) + total, wide)


@inlined
def entered(pointer: Any) -> Any:
    """Whether a job still goes on; who enters it must leave it, in any case."""
    return add(number_of(pointer) + 8 * _DOOR, 1) < CLOSED


@inlined
def left(pointer: Any) -> None:
    """Leave a job."""
    job = number_of(pointer)
    add(job + 8 * _DOOR, -1)
    disown(job)


@inlined
def arguments(pointer: Any) -> Any:
    """What a sweep takes of a job: it works on chunks until none is left."""
    job, like = number_of(pointer), numba.carray(pointer, (0,))
    frame, tensors, chunks = word(job, _FRAME), word(job, _TENSORS), word(job, _CHUNKS)
    scalars = data(frame, OPERANDS, 0), size(frame, OPERANDS, 0, 0)
    own = data(frame, OPERANDS, 1), size(frame, OPERANDS, 1, 1)
    new = data(frame, RESULTS, 2), size(frame, RESULTS, 2, 0)
    return (
        like,
        numba.carray(address(scalars[0]), (scalars[1],), like.dtype),
        numba.carray(address(own[0]), (tensors, own[1]), like.dtype),
        numba.carray(address(_pointers_at(job)), (tensors, word(job, _COLUMNS)), np.int64),
        numba.carray(address(_rows_at(job)), (chunks, 3), np.int64),
        numba.carray(address(job + 8 * _TAKEN), (1,), np.int64),
        numba.carray(address(_sums_at(job)), (word(job, _SUMS), chunks), np.float64),
        numba.carray(address(new[0]), (new[1], tensors), like.dtype),
    )

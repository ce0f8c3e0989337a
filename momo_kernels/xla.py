"""
Sweeps as custom calls of XLA on a CPU.

XLA calls a handler with the address of a *frame*, which tells where the operands and the results are:
a structure of C whose layout XLA keeps (its header is in ``jax.ffi.include_dir()``).  A handler reads it,
writes and adds, and keeps nothing.

Operands, and results with the same names, which may be in their memory:

=============  =====================  ======================================================
operand        shape                  meaning
=============  =====================  ======================================================
scalars        (scalars,)             numbers that all tensors share
own            (tensors, own)         numbers of each tensor
wanted         ()                     bool; if it is false, the call does nothing
before         (sums,)                sums so far
arrays         of the tensors         `Kernels.arrays`, but for those that are only written
=============  =====================  ======================================================

=============  =====================  ======================================================
result         shape                  meaning
=============  =====================  ======================================================
after          (sums,)                the sums so far, and those of these tensors
each           (sums, tensors)        sums of each tensor
new            (states, tensors)      state of shape () of each tensor
arrays         of the tensors         those that are only written, then those in the memory of operands
=============  =====================  ======================================================
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

from .chunks import CHUNK, SERIAL
from .compiled import address, compiled
from .memory import add, allocate, call, give_way, inlined, number_of, release, word, words

VERSION = 0
"""Major version of the interface of XLA."""

NUMBERS, ARRAYS = 4, 3
"""Operands before the arrays, and results before them."""

CLOSED = 1 << 32
"""More than there can be threads."""

# Words of the frame, of a buffer, and of the functions that XLA lends.
_EXTENSION, _API, _CONTEXT, _OPERANDS, _RESULTS = 1, 2, 3, 7, 12
_DATA, _RANK, _SIZES = 3, 4, 5
_DESTROY, _SCHEDULE, _THREADS = 8, 17, 18

# Words of the job that threads share, before its arrays.  Who enters after it was closed must go at once.
_DOOR, _OWNERS, _TAKEN, _TENSORS, _CHUNKS, _COLUMNS, _SUMS, _FRAME, _HEADER = range(9)


@inlined
def _is_asked_for_version(frame: int) -> bool:
    """Whether XLA asks for the version of the interface; then it is told."""
    extension = word(frame, _EXTENSION)
    while extension != 0:
        if word(extension, 1) & 0xFFFFFFFF == 1:
            version = numba.carray(address(word(extension, 3) + 24), (2,), np.int32)
            version[0], version[1] = VERSION, 1
            return True
        extension = word(extension, 2)
    return False


@inlined
def _buffer(frame: int, kind: int, index: int) -> Any:
    """Address of what is known of an operand or a result."""
    return word(word(frame, kind + 2), index)


@inlined
def _data(frame: int, kind: int, index: int) -> Any:
    return word(_buffer(frame, kind, index), _DATA)


@inlined
def _size(frame: int, index: int, axis: int) -> Any:
    """Size of an operand along an axis."""
    return word(word(_buffer(frame, _OPERANDS, index), _SIZES), axis)


@inlined
def _elements(frame: int, index: int) -> int:
    """Elements of an operand."""
    count = 1
    for axis in range(word(_buffer(frame, _OPERANDS, index), _RANK)):
        count *= _size(frame, index, axis)
    return count


@inlined
def _pointers(job: int) -> Any:
    """Address of each array of each tensor."""
    known = words(job, _HEADER)
    return numba.carray(address(job + 8 * _HEADER), (known[_TENSORS], known[_COLUMNS]), np.int64)


@inlined
def _chunks(job: int) -> Any:
    """Rows (tensor, start, stop)."""
    known = words(job, _HEADER)
    start = _HEADER + known[_TENSORS] * known[_COLUMNS]
    return numba.carray(address(job + 8 * start), (known[_CHUNKS], 3), np.int64)


@inlined
def _sums(job: int) -> Any:
    """Sums of each chunk."""
    known = words(job, _HEADER)
    start = _HEADER + known[_TENSORS] * known[_COLUMNS] + 3 * known[_CHUNKS]
    return numba.carray(address(job + 8 * start), (known[_SUMS], known[_CHUNKS]), np.float64)


@inlined
def _new_job(frame: int) -> Any:
    """A job with room for its arrays."""
    tensors, counts, chunks = _size(frame, 1, 0), _size(frame, 3, 0), 0
    for tensor in range(tensors):
        chunks += max(-(-_elements(frame, NUMBERS + tensor) // CHUNK), 1)
    columns = (word(frame, _OPERANDS) - NUMBERS + word(frame, _RESULTS) - ARRAYS) // tensors
    job = allocate(8 * (_HEADER + tensors * columns + (3 + counts) * chunks))
    known = words(job, _HEADER)
    known[_DOOR], known[_OWNERS], known[_TAKEN], known[_FRAME] = 0, 1, 0, frame
    known[_TENSORS], known[_CHUNKS], known[_COLUMNS], known[_SUMS] = tensors, chunks, columns, counts
    return job


@inlined
def _lay_out(frame: int, job: int) -> int:
    """Fill the arrays of a job; returns the number of elements of all tensors."""
    pointers, rows = _pointers(job), _chunks(job)
    tensors, read = len(pointers), word(frame, _OPERANDS) - NUMBERS
    for index in range(read):
        pointers[index % tensors, index // tensors] = _data(frame, _OPERANDS, NUMBERS + index)
    for index in range(read, pointers.size):
        pointers[index % tensors, index // tensors] = _data(frame, _RESULTS, ARRAYS + index - read)
    row, elements = 0, 0
    for tensor in range(tensors):
        size = _elements(frame, NUMBERS + tensor)
        elements += size
        for start in range(0, max(size, 1), CHUNK):
            rows[row, 0], rows[row, 1], rows[row, 2] = tensor, start, min(start + CHUNK, size)
            row += 1
    return elements


@inlined
def _start_helpers(frame: int, job: int, task: int) -> None:
    """Ask XLA for threads that may or may not come; it has as many as the machine has cores."""
    api, known, threads = word(frame, _API), np.zeros(5, np.int64), np.ones(1, np.int64)
    known[0], known[2], known[3] = 32, word(frame, _CONTEXT), threads.ctypes.data
    if _failed(api, call(word(api, _THREADS), known.ctypes.data)):
        return
    known[0], known[3], known[4] = 40, task, job
    for _ in range(min(threads[0], word(job, _CHUNKS)) - 1):
        add(job + 8 * _OWNERS, 1)
        if _failed(api, call(word(api, _SCHEDULE), known.ctypes.data)):
            add(job + 8 * _OWNERS, -1)
            return


@inlined
def _failed(api: int, error: int) -> bool:
    """Whether XLA has returned an error, which belongs to the caller."""
    if error == 0:
        return False
    known = np.array([24, 0, error], np.int64)
    call(word(api, _DESTROY), known.ctypes.data)
    return True


@inlined
def _disown(job: int) -> None:
    """Free a job that nobody else has."""
    if add(job + 8 * _OWNERS, -1) == 1:
        release(job)


@compiled
def begun(pointer: Any, task: int) -> Any:
    """
    The job of a call; 0 if there is nothing to do.

    Parameters
    ----------
    pointer : pointer to numbers of the dtype of the tensors
        The frame.
    task : int
        Address of what a thread does that helps.
    """
    frame = number_of(pointer)
    if _is_asked_for_version(frame):
        return 0
    counts, tensors = _size(frame, 3, 0), _size(frame, 1, 0)
    like = numba.carray(pointer, (0,))
    numba.carray(address(_data(frame, _RESULTS, 0)), (counts,), like.dtype)[:] = _before(frame, like)
    numba.carray(address(_data(frame, _RESULTS, 1)), (counts * tensors,), like.dtype)[:] = 0
    if not numba.carray(address(_data(frame, _OPERANDS, 2)), (1,), np.bool_)[0]:
        return 0
    job = _new_job(frame)
    if _lay_out(frame, job) > SERIAL:
        _start_helpers(frame, job, task)
    return job


@inlined
def _before(frame: int, like: Any) -> Any:
    return numba.carray(address(_data(frame, _OPERANDS, 3)), (_size(frame, 3, 0),), like.dtype)


@inlined
def arguments(job: int, pointer: Any) -> Any:
    """What a sweep takes: it works on chunks until none is left."""
    like, frame = numba.carray(pointer, (0,)), word(job, _FRAME)
    tensors, states = _size(frame, 1, 0), word(word(_buffer(frame, _RESULTS, 2), _SIZES), 0)
    scalars = numba.carray(address(_data(frame, _OPERANDS, 0)), (_size(frame, 0, 0),), like.dtype)
    own = numba.carray(address(_data(frame, _OPERANDS, 1)), (tensors, _size(frame, 1, 1)), like.dtype)
    counter = numba.carray(address(job + 8 * _TAKEN), (1,), np.int64)
    new = numba.carray(address(_data(frame, _RESULTS, 2)), (states, tensors), like.dtype)
    return like, scalars, own, _pointers(job), _chunks(job), counter, _sums(job), new


@inlined
def entered(pointer: Any) -> Any:
    """Whether a job still goes on; who enters it must leave it, in any case."""
    return add(number_of(pointer) + 8 * _DOOR, 1) < CLOSED


@inlined
def left(pointer: Any) -> None:
    """Leave a job."""
    job = number_of(pointer)
    add(job + 8 * _DOOR, -1)
    _disown(job)


@compiled
def finished(job: int, pointer: Any) -> None:
    """Wait for those who help, and add the sums in the order of the chunks."""
    add(job + 8 * _DOOR, CLOSED)
    while add(job + 8 * _DOOR, 0) != CLOSED:
        give_way()
    frame, like, sums, rows = number_of(pointer), numba.carray(pointer, (0,)), _sums(job), _chunks(job)
    counts, tensors = len(sums), word(job, _TENSORS)
    after = numba.carray(address(_data(frame, _RESULTS, 0)), (counts,), like.dtype)
    each = numba.carray(address(_data(frame, _RESULTS, 1)), (counts, tensors), like.dtype)
    for row in range(counts):
        total = part = 0.0
        for chunk in range(len(rows)):
            part = sums[row, chunk] + (part if rows[chunk, 1] else 0.0)
            each[row, rows[chunk, 0]] = part
            total += sums[row, chunk]
        after[row] += like.dtype.type(total)
    _disown(job)


@cache
def handler(function: Any, dtype: str) -> Any:
    """
    The compiled handler of a sweep on tensors of a dtype; it lives as long as the process.

    Parameters
    ----------
    function : callable
        Handler of the generated module.
    dtype : "float32" or "float64"
    """
    signature = types.int64(types.CPointer(getattr(types, dtype)))
    options = {"error_model": "numpy", "fastmath": False}
    try:
        return numba.cfunc(signature, cache=True, **options)(function)
    except RuntimeError:
        # There is no folder where a cache could be written.
        return numba.cfunc(signature, **options)(function)

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
wanted         ()                     if it is 0, the call does nothing but hand on the sums
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
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types

from .chunks import CHUNK, SERIAL
from .compiled import address
from .memory import (
    add,
    allocate,
    call,
    give_way,
    inlined,
    load_real,
    number_of,
    put,
    release,
    store_real,
    word,
)

NUMBERS, ARRAYS = 4, 3
"""Operands before the arrays, and results before them."""

CLOSED = 1 << 32
"""More than there can be threads."""

# Words of the frame, of a buffer, and of the functions that XLA lends.
_EXTENSION, _API, _CONTEXT, _OPERANDS, _RESULTS = 1, 2, 3, 7, 12
_DTYPE, _DATA, _RANK, _SIZES = 2, 3, 4, 5
_DESTROY, _SCHEDULE, _THREADS = 8, 17, 18

# Words of a job, which threads share, before its arrays.  Who enters after it was closed must go at once.
_DOOR, _OWNERS, _TAKEN, _TENSORS, _CHUNKS, _COLUMNS, _SUMS, _FRAME, _ASKED = range(9)
_HEADER = _ASKED + 6

_FLOAT64 = 12
_INTEGER = 0xFFFFFFFF


class Handler(NamedTuple):
    """What XLA calls; `code` must live as long as it does."""

    address: int
    code: tuple[Any, ...]


@inlined
def _is_asked_for_version(frame: int) -> bool:
    """Whether XLA asks for the version of the interface; then it is told: 0.1."""
    extension = word(frame, _EXTENSION)
    while extension != 0:
        if word(extension, 1) & _INTEGER == 1:
            put(word(extension, 3), 3, 1 << 32)
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
def _size(frame: int, kind: int, index: int, axis: int) -> Any:
    """Size of an operand or a result along an axis."""
    return word(word(_buffer(frame, kind, index), _SIZES), axis)


@inlined
def _elements(frame: int, tensor: int) -> Any:
    """Elements of a tensor."""
    count, buffer = 1, _buffer(frame, _OPERANDS, NUMBERS + tensor)
    for axis in range(word(buffer, _RANK)):
        count *= word(word(buffer, _SIZES), axis)
    return count


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
def _new_job(frame: int) -> Any:
    """A job with room for its arrays."""
    tensors, sums = _size(frame, _OPERANDS, 1, 0), _size(frame, _OPERANDS, 3, 0)
    chunks = 0
    for tensor in range(tensors):
        chunks += max(-(-_elements(frame, tensor) // CHUNK), 1)
    columns = (word(frame, _OPERANDS) - NUMBERS + word(frame, _RESULTS) - ARRAYS) // tensors
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
def _lay_out(frame: int, job: int) -> Any:
    """Fill the arrays of a job; returns the number of elements of all tensors."""
    tensors, columns, pointers = word(job, _TENSORS), word(job, _COLUMNS), _pointers_at(job)
    read = word(frame, _OPERANDS) - NUMBERS
    for index in range(tensors * columns):
        if index < read:
            data = _data(frame, _OPERANDS, NUMBERS + index)
        else:
            data = _data(frame, _RESULTS, ARRAYS + index - read)
        put(pointers, index % tensors * columns + index // tensors, data)
    row, elements = _rows_at(job), 0
    for tensor in range(tensors):
        size = _elements(frame, tensor)
        elements += size
        for start in range(0, max(size, 1), CHUNK):
            put(row, 0, tensor)
            put(row, 1, start)
            put(row, 2, min(start + CHUNK, size))
            row += 24
    return elements


@inlined
def _start_helpers(frame: int, job: int, task: int) -> None:
    """Ask XLA for threads that may or may not come; it has as many as the machine has cores."""
    api, asked = word(frame, _API), job + 8 * _ASKED
    put(asked, 1, 0)
    put(asked, 2, word(frame, _CONTEXT))
    put(asked, 0, 32)
    put(asked, 3, asked + 40)
    if _failed(api, asked, call(word(api, _THREADS), asked)):
        return
    for _ in range(min(word(asked, 5), word(job, _CHUNKS)) - 1):
        put(asked, 0, 40)
        put(asked, 3, task)
        put(asked, 4, job)
        add(job + 8 * _OWNERS, 1)
        if _failed(api, asked, call(word(api, _SCHEDULE), asked)):
            add(job + 8 * _OWNERS, -1)
            return


@inlined
def _failed(api: int, asked: int, error: int) -> bool:
    """Whether XLA has returned an error, which belongs to the caller."""
    if error == 0:
        return False
    put(asked, 0, 24)
    put(asked, 2, error)
    call(word(api, _DESTROY), asked)
    return True


@inlined
def _disown(job: int) -> None:
    """Free a job that nobody else has."""
    if add(job + 8 * _OWNERS, -1) == 1:
        release(job)


@inlined
def _begin(frame: int, wide: bool) -> Any:
    """Write the sums before the call as those after it; whether there is more to do."""
    size, count = 8 if wide else 4, _size(frame, _OPERANDS, 3, 0)
    before, after, each = _data(frame, _OPERANDS, 3), _data(frame, _RESULTS, 0), _data(frame, _RESULTS, 1)
    for row in range(count):
        store_real(after + size * row, load_real(before + size * row, wide), wide)
    for at in range(count * _size(frame, _OPERANDS, 1, 0)):
        store_real(each + size * at, 0.0, wide)
    return load_real(_data(frame, _OPERANDS, 2), wide) != 0.0


@inlined
def _finish(frame: int, job: int, wide: bool) -> None:
    """Add the sums of the chunks, in their order."""
    size, sums = 8 if wide else 4, _sums_at(job)
    after, each = _data(frame, _RESULTS, 0), _data(frame, _RESULTS, 1)
    for row in range(word(job, _SUMS)):
        total = part = 0.0
        for chunk in range(word(job, _CHUNKS)):
            found, at = load_real(sums, True), _rows_at(job) + 24 * chunk
            part = found if word(at, 1) == 0 else part + found
            store_real(each + size * (row * word(job, _TENSORS) + word(at, 0)), part, wide)
            total += found
            sums += 8
        store_real(after + size * row, load_real(after + size * row, wide) + total, wide)


def _handle(frame: int, task: int) -> int:
    """
    Handle a call.

    Parameters
    ----------
    frame : int
        Address of what XLA tells.
    task : int
        Address of what each thread does.
    """
    if _is_asked_for_version(frame):
        return 0
    wide = word(_buffer(frame, _OPERANDS, 0), _DTYPE) & _INTEGER == _FLOAT64
    if not _begin(frame, wide):
        return 0
    job = _new_job(frame)
    if _lay_out(frame, job) > SERIAL:
        _start_helpers(frame, job, task)
    call(task, job)
    add(job + 8 * _DOOR, CLOSED)
    while add(job + 8 * _DOOR, 0) != CLOSED:
        give_way()
    _finish(frame, job, wide)
    _disown(job)
    return 0


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


@inlined
def arguments(pointer: Any) -> Any:
    """What a sweep takes of a job: it works on chunks until none is left."""
    job, like = number_of(pointer), numba.carray(pointer, (0,))
    frame, tensors, chunks = word(job, _FRAME), word(job, _TENSORS), word(job, _CHUNKS)
    scalars = _data(frame, _OPERANDS, 0), _size(frame, _OPERANDS, 0, 0)
    own = _data(frame, _OPERANDS, 1), _size(frame, _OPERANDS, 1, 1)
    new = _data(frame, _RESULTS, 2), _size(frame, _RESULTS, 2, 0)
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


@cache
def handler(task: Any, dtype: str) -> Handler:
    """
    The compiled handler of a sweep on tensors of a dtype.

    Parameters
    ----------
    task : callable
        Of the generated module.
    dtype : "float32" or "float64"
    """
    common = _compiled(_handle, types.int64(types.int64, types.int64))
    own = _compiled(task, types.void(types.CPointer(getattr(types, dtype))))
    target = binding.Target.from_default_triple().create_target_machine()
    code = binding.create_mcjit_compiler(binding.parse_assembly(_bound(common.address, own.address)), target)
    code.finalize_object()
    return Handler(code.get_function_address("handler"), (common, own, code))


def _bound(common: int, task: int) -> str:
    """Code of ``frame -> common(frame, task)``."""
    number = ir.IntType(64)
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(number, [number]), "handler")
    builder = ir.IRBuilder(function.append_basic_block())
    kind = ir.FunctionType(number, [number, number]).as_pointer()
    called = builder.inttoptr(ir.Constant(number, common), kind)
    builder.ret(builder.call(called, [function.args[0], ir.Constant(number, task)]))
    return str(module)


@cache
def _compiled(function: Any, signature: Any) -> Any:
    try:
        return numba.cfunc(signature, cache=True, error_model="numpy")(function)
    except RuntimeError:
        # There is no folder where a cache could be written.
        return numba.cfunc(signature, error_model="numpy")(function)

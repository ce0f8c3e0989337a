"""
Sweeps as custom calls of XLA on a CPU.

A handler reads where the operands and the results are, sweeps over the tensors with all threads that are
free, and keeps nothing.

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
from llvmlite import binding, ir
from numba import types

from .chunks import SERIAL
from .frame import OPERANDS, RESULTS, data, is_asked_for_version, is_wide, size
from .jobs import add_up, close, disown, lay_out, new_job, start_helpers
from .memory import call, inlined, load_real, store_real


class Handler(NamedTuple):
    """What XLA calls; `code` must live as long as it does."""

    address: int
    code: tuple[Any, ...]


@inlined
def _begin(frame: int, wide: bool) -> Any:
    """Write the sums before the call as those after it; whether there is more to do."""
    width, count = 8 if wide else 4, size(frame, OPERANDS, 3, 0)
    before, after, each = data(frame, OPERANDS, 3), data(frame, RESULTS, 0), data(frame, RESULTS, 1)
    for row in range(count):
        store_real(after + width * row, load_real(before + width * row, wide), wide)
    for at in range(count * size(frame, OPERANDS, 1, 0)):
        store_real(each + width * at, 0.0, wide)
    return load_real(data(frame, OPERANDS, 2), wide) != 0.0


@inlined
def handled(frame: int, task: int) -> int:
    """
    Handle a call; returns no error.

    Parameters
    ----------
    frame : int
        Address of what XLA tells.
    task : int
        Address of what each thread does.
    """
    if is_asked_for_version(frame):
        return 0
    wide = is_wide(frame)
    if not _begin(frame, wide):
        return 0
    job = new_job(frame)
    if lay_out(frame, job) > SERIAL:
        start_helpers(frame, job, task)
    call(task, job)
    close(job)
    add_up(frame, job, wide)
    disown(job)
    return 0


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
    from .updates import handle

    common = _compiled(handle, types.int64(types.int64, types.int64))
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

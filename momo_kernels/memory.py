"""Addresses, atomic counters and functions of C, for code that Numba compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compiled import address

allocate = types.ExternalFunction("malloc", types.intp(types.intp))
release = types.ExternalFunction("free", types.void(types.intp))
give_way = types.ExternalFunction("sched_yield", types.int32())

_WORD = ir.IntType(64)


def inlined(function: Callable[..., Any]) -> Any:
    """A function that is compiled, and cached, with those that call it."""
    return numba.njit(nogil=True, error_model="numpy")(function)


@inlined
def words(start: int, count: int) -> Any:
    """Array of `count` integers of 64 bits at an address."""
    return numba.carray(address(start), (count,), np.int64)


@inlined
def word(start: int, index: int) -> Any:
    """The `index`-th integer of 64 bits at an address."""
    return words(start, index + 1)[index]


@intrinsic  # type: ignore[untyped-decorator]
def number_of(typing_context: Any, pointer: Any) -> Any:
    """A pointer as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(arguments[0], _WORD)

    return types.int64(pointer), generate


@intrinsic  # type: ignore[untyped-decorator]
def add(typing_context: Any, start: Any, amount: Any) -> Any:
    """Add to the integer at an address in one order for all threads; returns the old value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _WORD.as_pointer())
        return builder.atomic_rmw("add", pointer, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def call(typing_context: Any, function: Any, argument: Any) -> Any:
    """Call the function of C at an address with one address; returns an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_WORD, [_WORD])
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [arguments[1]])

    return types.int64(types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def entry(typing_context: Any, function: Any, pointer: Any) -> Any:
    """Address of a function of C that calls a compiled one, which takes a pointer of this type."""
    inner = typing_context.resolve_function_type(function, (pointer,), {})

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        module = builder.module
        outer = ir.Function(
            module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t]), module.get_unique_name("entry")
        )
        outer.linkage = "internal"
        body = ir.IRBuilder(outer.append_basic_block())
        target = body.bitcast(outer.args[0], context.get_value_type(pointer))
        made = function.dispatcher.overloads[inner.args]
        context.add_linking_libs([made.library])
        context.call_internal_no_propagate(body, made.fndesc, inner, [target])
        body.ret_void()
        return builder.ptrtoint(outer, _WORD)

    return types.int64(function, pointer), generate

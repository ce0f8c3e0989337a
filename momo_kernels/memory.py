"""Words at addresses, atomic counters and functions of C, for code that Numba compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

allocate = types.ExternalFunction("malloc", types.intp(types.intp))
release = types.ExternalFunction("free", types.void(types.intp))
give_way = types.ExternalFunction("sched_yield", types.int32())

_WORD = ir.IntType(64)


def inlined(function: Callable[..., Any]) -> Any:
    """A function that is compiled, and cached, with those that call it."""
    return numba.njit(nogil=True, error_model="numpy")(function)


@intrinsic  # type: ignore[untyped-decorator]
def word(typing_context: Any, start: Any, index: Any) -> Any:
    """The `index`-th word at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(builder, *arguments))

    return types.int64(types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def put(typing_context: Any, start: Any, index: Any, value: Any) -> Any:
    """Write the `index`-th word at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start, index, value = arguments
        builder.store(value, _place(builder, start, index))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _place(builder: Any, start: Any, index: Any) -> Any:
    return builder.gep(builder.inttoptr(start, _WORD.as_pointer()), [index])


@intrinsic  # type: ignore[untyped-decorator]
def add(typing_context: Any, start: Any, amount: Any) -> Any:
    """Add to the word at an address, in one order for all threads; returns the old value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _WORD.as_pointer())
        return builder.atomic_rmw("add", pointer, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def call(typing_context: Any, function: Any, argument: Any) -> Any:
    """Call the function of C at an address with one word; returns a word."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_WORD, [_WORD])
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [arguments[1]])

    return types.int64(types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def load_real(typing_context: Any, start: Any, wide: Any) -> Any:
    """The number at an address, of 64 bits if it is wide, else of 32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        single, double = ir.FloatType(), ir.DoubleType()
        found = cgutils.alloca_once(builder, double)
        with builder.if_else(arguments[1]) as (then, otherwise):
            with then:
                pointer = builder.inttoptr(arguments[0], double.as_pointer())
                builder.store(builder.load(pointer), found)
            with otherwise:
                pointer = builder.inttoptr(arguments[0], single.as_pointer())
                builder.store(builder.fpext(builder.load(pointer), double), found)
        return builder.load(found)

    return types.float64(types.int64, types.boolean), generate


@intrinsic  # type: ignore[untyped-decorator]
def store_real(typing_context: Any, start: Any, value: Any, wide: Any) -> Any:
    """Write a number to an address, of 64 bits if it is wide, else rounded to 32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start, value, wide = arguments
        single, double = ir.FloatType(), ir.DoubleType()
        with builder.if_else(wide) as (then, otherwise):
            with then:
                builder.store(value, builder.inttoptr(start, double.as_pointer()))
            with otherwise:
                builder.store(builder.fptrunc(value, single), builder.inttoptr(start, single.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.float64, types.boolean), generate


@intrinsic  # type: ignore[untyped-decorator]
def number_of(typing_context: Any, pointer: Any) -> Any:
    """A pointer as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(arguments[0], _WORD)

    return types.int64(pointer), generate

"""
What XLA tells the handler of a custom call, and what it lends.

A handler is called with the address of a *frame*: a structure of C whose layout XLA keeps (its header is in
``jax.ffi.include_dir()``).
"""

from __future__ import annotations

from typing import Any

from .memory import call, inlined, put, word

OPERANDS, RESULTS = 7, 12
"""Words of the frame: how many operands and results there are."""

QUESTION = 6
"""Words of a place for questions to XLA."""

# Words of the frame, of a buffer, and of the functions that XLA lends.
_EXTENSION, _API, _CONTEXT = 1, 2, 3
_DTYPE, _DATA, _RANK, _SIZES = 2, 3, 4, 5
_DESTROY, _SCHEDULE, _THREADS = 8, 17, 18

_FLOAT64 = 12
_INTEGER = 0xFFFFFFFF


@inlined
def is_asked_for_version(frame: int) -> bool:
    """Whether XLA asks for the version of the interface; then it is told: 0.1."""
    extension = word(frame, _EXTENSION)
    while extension != 0:
        if word(extension, 1) & _INTEGER == 1:
            put(word(extension, 3), 3, 1 << 32)
            return True
        extension = word(extension, 2)
    return False


@inlined
def buffer(frame: int, kind: int, index: int) -> Any:
    """Address of what is known of an operand or a result."""
    return word(word(frame, kind + 2), index)


@inlined
def data(frame: int, kind: int, index: int) -> Any:
    """Address of its numbers."""
    return word(buffer(frame, kind, index), _DATA)


@inlined
def size(frame: int, kind: int, index: int, axis: int) -> Any:
    """Size of an operand or a result along an axis."""
    return word(word(buffer(frame, kind, index), _SIZES), axis)


@inlined
def elements(frame: int, index: int) -> Any:
    """Elements of an operand."""
    count, known = 1, buffer(frame, OPERANDS, index)
    for axis in range(word(known, _RANK)):
        count *= word(word(known, _SIZES), axis)
    return count


@inlined
def is_wide(frame: int) -> Any:
    """Whether the first operand is float64, and not float32."""
    return word(buffer(frame, OPERANDS, 0), _DTYPE) & _INTEGER == _FLOAT64


@inlined
def threads(frame: int, question: int) -> Any:
    """How many threads XLA has, as many as the machine has cores."""
    put(question, 3, question + 40)
    put(question, 5, 1)
    _ask(frame, question, 32, _THREADS)
    return word(question, 5)


@inlined
def schedule(frame: int, question: int, task: int, job: int) -> Any:
    """Have a task run with a job on some thread, now or later; whether it will."""
    put(question, 3, task)
    put(question, 4, job)
    return _ask(frame, question, 40, _SCHEDULE)


@inlined
def _ask(frame: int, question: int, length: int, function: int) -> Any:
    """Call a function of XLA; whether it did not return an error, which belongs to the caller."""
    api = word(frame, _API)
    put(question, 0, length)
    put(question, 1, 0)
    put(question, 2, word(frame, _CONTEXT))
    error = call(word(api, function), question)
    if error != 0:
        put(question, 0, 24)
        put(question, 2, error)
        call(word(api, _DESTROY), question)
    return error == 0

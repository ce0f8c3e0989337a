"""
Checks of hyper-parameters, losses and gradients, the same for every framework.

Every error carries the stable `code` that the conformance vectors name.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from .arrays import Array, Namespace

ON_NONFINITE = ("skip", "raise", "propagate")


class _CodedError(Exception):
    """
    An error with a stable `code`; it travels between processes.

    The code has a default because Keras makes errors anew from longer messages.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[_CodedError], tuple[str, str]]:
        return type(self), (str(self), self.code)


class InvalidValueError(_CodedError, ValueError):
    """A value outside of its domain; `code` is stable."""


class InvalidTypeError(_CodedError, TypeError):
    """A value of the wrong type; `code` is stable."""


class MissingLossError(InvalidValueError):
    """A step without the loss that its rule needs."""


class HyperDomain(NamedTuple):
    """What the specification says about a hyper-parameter; `domain` is an interval."""

    kind: str
    default: float | bool | str
    domain: str
    message: str
    code: str
    internal: bool
    choices: tuple[str, ...] = ()


class Constraint(NamedTuple):
    """Two hyper-parameters that do not go together: `require` must hold where `when` does."""

    when: str
    require: str
    message: str
    code: str


class HyperTable(NamedTuple):
    """All that the specification says about the hyper-parameters of a rule."""

    hyper: Mapping[str, HyperDomain]
    constraints: tuple[Constraint, ...]


def check_hyper(table: HyperTable, values: Mapping[str, Any]) -> None:
    """
    Check hyper-parameters against their domains.

    Parameters
    ----------
    table : HyperTable
        Of the rule.
    values : mapping
        By canonical name; may be a part of them.

    Raises
    ------
    InvalidTypeError
        If a number is not a real number (bool is none) or a flag is not a bool.
    InvalidValueError
        If a number is outside of its domain, or two do not go together.
    """
    for name, value in values.items():
        check_one(name, table.hyper[name], value)
    known = {
        name: value if isinstance(value, bool | str) else as_real(value) for name, value in values.items()
    }
    for constraint in table.constraints:
        if _holds(constraint.when, known) and not _holds(constraint.require, known, unknown=True):
            raise InvalidValueError(constraint.message, f"{constraint.code}_RANGE")


def check_one(name: str, domain: HyperDomain, value: Any) -> None:
    """
    Check one hyper-parameter against its domain.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        As `check_hyper`.
    """
    if domain.kind == "flag":
        if not isinstance(value, bool):
            _wrong_type(name, "a bool", value, domain.code)
        return
    if domain.kind == "choice":
        if not (isinstance(value, str) and value in domain.choices):
            expected = ", ".join(map(repr, domain.choices))
            message = f"Invalid {name}: {value!r} (must be one of {expected})"
            raise InvalidValueError(message, f"{domain.code}_RANGE")
        return
    number = as_real(value)
    if number is None:
        _wrong_type(name, "a real number", value, domain.code)
    if not in_interval(number, domain.domain):
        message = domain.message.format(value=value)
        raise InvalidValueError(f"{message} ({name} must be in {domain.domain})", f"{domain.code}_RANGE")


def in_interval(number: float, interval: str) -> bool:
    """Whether a number lies in an interval such as ``[0, 1)``; NaN lies in none."""
    low, high = (float(end) for end in interval[1:-1].split(","))
    above = number >= low if interval[0] == "[" else number > low
    below = number <= high if interval[-1] == "]" else number < high
    return above and below


def check_option(on_nonfinite: Any) -> None:
    """
    Check what to do about a step that is not finite.

    Raises
    ------
    InvalidValueError
        Unless it is "skip", "raise" or "propagate".
    """
    if not (isinstance(on_nonfinite, str) and on_nonfinite in ON_NONFINITE):
        expected = ", ".join(map(repr, ON_NONFINITE))
        raise InvalidValueError(
            f"Invalid on_nonfinite: {on_nonfinite!r} (must be one of {expected})", "E_ON_NONFINITE"
        )


def check_loss(loss: Any, *, needed: bool, xp: Namespace) -> Any:
    """
    Check that the loss is one real number.

    Parameters
    ----------
    loss : number or array
        An array must have one element.
    needed : bool
        Whether None is an error; a rule that needs no loss ignores it.
    xp : namespace
        Of the parameters.

    Returns
    -------
    number or array or None

    Raises
    ------
    MissingLossError
        If the loss is None and needed.
    InvalidTypeError
        If it is not real.
    InvalidValueError
        If it is not a scalar.
    """
    if not needed:
        return None
    if loss is None:
        raise MissingLossError("the loss of this step is missing", "E_LOSS_MISSING")
    if isinstance(loss, numbers.Real) and not isinstance(loss, bool):
        return float(loss)
    shape, dtype = getattr(loss, "shape", None), getattr(loss, "dtype", None)
    if shape is None or dtype is None:
        _wrong_type("loss", "a real number or an array", loss, "E_LOSS")
    if math.prod(shape) != 1:
        raise InvalidValueError(f"loss must be a scalar, got shape {tuple(shape)}", "E_LOSS_SHAPE")
    loss = xp.asarray(loss)
    if not xp.isdtype(loss.dtype, ("real floating", "integral")):
        _wrong_type("loss", "real", dtype, "E_LOSS")
    return loss


def check_any(params: Sequence[Array]) -> None:
    """
    Check that there are parameters.

    Raises
    ------
    InvalidValueError
    """
    if not params:
        raise InvalidValueError("there are no parameters", "E_PARAMS_EMPTY")


def check_arrays(params: Sequence[Array], *, xp: Namespace) -> None:
    """
    Check that parameters are real floating.

    Raises
    ------
    InvalidTypeError
    """
    for param in params:
        if not xp.isdtype(param.dtype, "real floating"):
            _wrong_type("parameters", "real floating", param.dtype, "E_PARAMS")


def check_gradients(params: Sequence[Array], grads: Sequence[Array | None]) -> None:
    """
    Check that each gradient has the shape of its parameter.

    Raises
    ------
    InvalidValueError
    """
    if len(params) != len(grads):
        raise InvalidValueError(f"{len(params)} parameters but {len(grads)} gradients", "E_GRADS_NUMBER")
    for index, (param, grad) in enumerate(zip(params, grads, strict=True)):
        if grad is not None and tuple(grad.shape) != tuple(param.shape):
            raise InvalidValueError(
                f"gradient {index} has shape {tuple(grad.shape)}, its parameter {tuple(param.shape)}",
                "E_GRADS_SHAPE",
            )


def as_real(value: Any) -> float | None:
    """A number, or an array of one element, as a float; None if it is neither."""
    if isinstance(value, bool | str | bytes | complex):
        return None
    if not isinstance(value, numbers.Real) and math.prod(getattr(value, "shape", (0,))) != 1:
        return None
    if "bool" in str(getattr(value, "dtype", "")) or "complex" in str(getattr(value, "dtype", "")):
        return None
    read = getattr(value, "item", None)
    try:
        return float(value if read is None else read())
    except (TypeError, ValueError, OverflowError):
        return None


def _wrong_type(name: str, expected: str, value: Any, code: str) -> NoReturn:
    raise InvalidTypeError(f"{name} must be {expected}, got {value!r}", f"{code}_TYPE")


_COMPARISONS = {
    "==": lambda left, right: left == right,
    ">": lambda left, right: left > right,
}


def _holds(condition: str, values: Mapping[str, Any], *, unknown: bool = False) -> bool:
    """Evaluate ``name``, ``name == number`` or ``name > number``; `unknown` for a missing name."""
    name, *comparison = condition.split()
    if name not in values:
        return unknown
    if not comparison:
        return bool(values[name])
    operator, number = comparison
    return bool(_COMPARISONS[operator](values[name], float(number)))

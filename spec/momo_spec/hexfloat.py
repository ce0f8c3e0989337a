"""
Numbers as IEEE bit patterns: ``"f64:3ff8000000000000"`` is 1.5.

The text names the format and carries NaN, infinities, signed zeros and subnormals
unharmed through any JSON library.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import numpy.typing

_LAYOUTS = {"f64": ">d", "f32": ">f"}
_DIGITS = {"f64": 16, "f32": 8}


class BitPatternError(ValueError):
    """A text that is not a bit pattern."""


def encode(value: float, *, short: bool = False) -> str:
    """
    Bit pattern of a number.

    Parameters
    ----------
    value : float
        Every NaN becomes the same quiet NaN.
    short : bool
        Write binary32 where that loses nothing.
    """
    value = math.nan if math.isnan(value) else float(value)
    name = "f32" if short and fits_float32(value) else "f64"
    return f"{name}:{struct.pack(_LAYOUTS[name], value).hex()}"


def decode(text: str) -> float:
    """
    Number of a bit pattern.

    Raises
    ------
    BitPatternError
        If the format is unknown or the number of digits is wrong.
    """
    name, _, digits = text.partition(":")
    if _DIGITS.get(name) != len(digits):
        raise BitPatternError(f"not a bit pattern such as 'f64:3ff8000000000000': {text!r}")
    try:
        return float(struct.unpack(_LAYOUTS[name], bytes.fromhex(digits))[0])
    except ValueError as error:
        raise BitPatternError(f"not hexadecimal digits: {text!r}") from error


def fits_float32(value: float) -> bool:
    """Whether binary32 represents the number."""
    return math.isnan(value) or to_float32(value) == value


def to_float32(value: float) -> float:
    """Nearest binary32 number."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def encode_array(array: Any, *, short: bool = False) -> Any:
    """Nested lists of bit patterns of an array; a text for shape ()."""
    values = np.asarray(array, dtype=np.float64)
    if values.ndim == 0:
        return encode(float(values), short=short)
    return [encode_array(part, short=short) for part in values]


def decode_array(nested: Any) -> np.typing.NDArray[np.float64]:
    """Array, float64, of nested lists of bit patterns."""
    if isinstance(nested, str):
        return np.array(decode(nested))
    return np.array([decode_array(part) for part in nested], dtype=np.float64)

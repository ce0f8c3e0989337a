"""Operations that say what the compiler must keep."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from momo_core.arrays import leaf_dtype


def as_update(param: Array, new: Array) -> Array:
    """The update that moves `param` to `new`."""
    return rounded(new - param.astype(new.dtype), param.dtype)


def applied(param: Array, update: Array) -> Array:
    """What `optax.apply_updates` makes of a parameter, computed in at least float32."""
    wide = leaf_dtype(param, xp=jnp)
    return rounded(param.astype(wide) + update.astype(wide), param.dtype)


def rounded(array: Array, dtype: Any) -> Array:
    """
    `array` in a narrower dtype.

    XLA may drop a bare cast and the cast back, as excess precision; it keeps
    `reduce_precision`, which has the exponents of the wider dtype here because it flushes
    subnormal numbers, and those of float16 are of the size of updates.
    """
    if array.dtype == dtype:
        return array
    exponent_bits, mantissa_bits = jnp.finfo(array.dtype).nexp, jnp.finfo(dtype).nmant
    return jax.lax.reduce_precision(array, exponent_bits, mantissa_bits).astype(dtype)

"""
The functions of the Array API that the core calls, and two more, for TensorFlow.

What else a direction of a user's own may call is that of `tf.experimental.numpy`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.experimental import numpy as tnp

float32 = tf.float32
float64 = tf.float64
int32 = tf.int32

asarray = tf.convert_to_tensor
astype = tf.cast
init_scope = tf.init_scope
isfinite = tf.math.is_finite
divided = tf.math.divide_no_nan
maximum = tf.maximum
minimum = tf.minimum
ones_like = tf.ones_like
reshape = tf.reshape
sqrt = tf.sqrt
sum = tf.reduce_sum
where = tf.where
zeros_like = tf.zeros_like


def full_like(x: Any, fill_value: float) -> Any:
    """Array of the shape and dtype of `x` filled with a number, without passing through float32."""
    return tf.fill(tf.shape(x), tf.constant(fill_value, x.dtype))


def isdtype(dtype: Any, kind: str | tuple[str, ...]) -> bool:
    """Whether a dtype is of one of the kinds "real floating" and "integral"."""
    kinds = (kind,) if isinstance(kind, str) else kind
    dtype = tf.as_dtype(dtype)
    return ("real floating" in kinds and dtype.is_floating) or ("integral" in kinds and dtype.is_integer)


def __getattr__(name: str) -> Any:
    return getattr(tnp, name)

"""Which steps the kernels take."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path

import jax
import jax.extend
from jax import Array

from momo_core import KINDS, Kind, Rule, State

SWITCH = "MOMO_JAX_FUSED"
"""Environment variable: with the value 0, no step is taken by kernels."""

_DTYPES = ("float32", "float64")


def obstacle(
    rule: Rule, params: Sequence[Array], grads: Sequence[Array | None], state: State | None = None
) -> str:
    """
    Why a traced step is not taken by kernels; empty if it is.

    Parameters
    ----------
    rule : Rule
    params, grads : sequences of arrays, or of their shapes and dtypes
    state : State, optional
    """
    tensors = list(_tensors(rule, params, grads, state))
    scalars = [] if state is None else [state.scalars["weight"]]
    dtypes = {str(array.dtype) for array in (*params, *scalars, *chain.from_iterable(tensors))}
    reasons = {
        f"{SWITCH}=0": os.environ.get(SWITCH) == "0",
        "no gradients": not tensors,
        "arrays of different shapes": any(len({array.shape for array in arrays}) > 1 for arrays in tensors),
        f"on_nonfinite={rule.on_nonfinite!r}": rule.on_nonfinite != "skip",
        "dtypes " + ", ".join(sorted(dtypes)): len(dtypes) > 1 or not dtypes <= set(_DTYPES),
        "not on one CPU": set(jax.extend.backend.backends()) != {"cpu"} or jax.device_count() > 1,
        "arrays on a mesh": any(_is_on_mesh(param) for param in params),
    }
    found = [reason for reason, holds in reasons.items() if holds]
    return found[0] if found else lacking(rule)


def _tensors(
    rule: Rule, params: Sequence[Array], grads: Sequence[Array | None], state: State | None
) -> Iterator[list[Array]]:
    """All arrays of each tensor with a gradient."""
    for index, (param, grad) in enumerate(zip(params, grads, strict=True)):
        if grad is not None:
            leaf = {} if state is None else state.leaves[index]
            yield [param, grad, *(leaf[name] for name in rule.direction.leaf_state if name in leaf)]


def _is_on_mesh(array: Array) -> bool:
    """Whether it is spread over a mesh, as its type says."""
    return isinstance(array, Array) and not jax.typeof(array).sharding.mesh.empty


def lacking(rule: Rule | Kind) -> str:
    """What is not there: Numba, or kernels of the rule; empty if all is."""
    if os.name != "posix":
        return "there are no kernels on this system"
    if not _has_numba():
        return "Numba is not installed"
    if not _is_known():
        return "another interface of XLA"
    if reason := _numba_fails():
        return reason
    from .calls import table

    kind = KINDS.get(rule.name)
    # A rule that was pickled is another object.
    known = kind is not None and kind.direction == rule.direction and kind.model == rule.model
    return "" if known and (rule.name, False) in table() else f"there are no kernels for {rule.name}"


@cache
def _numba_fails() -> str:
    """Why Numba compiles nothing; empty if it does."""
    try:
        import numba
    except ImportError as error:
        return f"Numba cannot be imported: {error}"
    return "Numba does not compile" if numba.config.DISABLE_JIT else ""


@cache
def _has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


@cache
def _is_known() -> bool:
    """Whether kernels can read what XLA shows: one that has changed would be read wrongly."""
    from momo_kernels.layout import is_known

    return is_known(Path(jax.ffi.include_dir()))

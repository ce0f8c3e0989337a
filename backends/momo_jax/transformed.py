"""A fused step under the transformations of JAX: those that cannot look into kernels get the generic step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

PyTree = Any
Function = Callable[[PyTree], PyTree]


def transformable(fused: Function, generic: Function) -> Function:
    """
    `fused`, with the derivatives of `generic`, which also is what is mapped by `jax.vmap`.

    Parameters
    ----------
    fused, generic : callable
        Of one tree of arrays; they compute the same.  What they use of traced values is in the tree.
    """
    batched = jax.custom_batching.custom_vmap(fused)

    @batched.def_vmap
    def _map(axis_size: int, mapped: Any, arrays: PyTree) -> tuple[PyTree, PyTree]:
        axes = jax.tree.map(lambda one: 0 if one else None, mapped[0])
        results = jax.vmap(generic, in_axes=(axes,), axis_size=axis_size)(arrays)
        return results, jax.tree.map(lambda _: True, results)

    step = jax.custom_jvp(lambda arrays: batched(arrays))

    @step.defjvp
    def _differentiate(primals: Any, tangents: Any) -> tuple[PyTree, PyTree]:
        found: tuple[PyTree, PyTree] = jax.jvp(generic, primals, tangents)
        return found

    return step

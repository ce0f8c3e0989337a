"""
Sums over the devices of a mesh, inside of `jax.shard_map`.

Under `jax.jit` an array is the whole array, and the compiler adds over devices.  Inside
of `shard_map` it is one device's part, and its type says over which axes of the mesh it
varies: over those its sums are added here.  Nothing is known with ``check_vma=False`` and
in `jax.pmap`: there every device must be given the whole parameters, and gradients and a
loss that were averaged before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from momo_core import InvalidValueError
from momo_core.reduction import ComputedOnce, Parts, add_sums

Axes = frozenset[str]


def varying_axes(array: Any) -> Axes:
    """Axes of the mesh over which the devices may hold different values; none outside of `shard_map`."""
    kind = jax.typeof(array)
    manual = getattr(kind, "mat", None)
    axes: Axes = getattr(kind, "vma", frozenset()) if manual is None else manual.varying
    return axes


def check_axes(params: Sequence[Array], grads: Sequence[Array | None], loss: Any) -> None:
    """
    Check that gradients vary as their parameters do, and that the loss does not vary.

    Raises
    ------
    InvalidValueError
        A sum cannot be told from a mean by its type, so nothing is averaged here.
    """
    if isinstance(loss, Array) and (axes := varying_axes(loss)):
        message = (
            f"the loss varies over {_named(axes)}: average it there, as its gradients, with jax.lax.pmean"
        )
        raise InvalidValueError(message, "E_LOSS_AXES")
    for index, (param, grad) in enumerate(zip(params, grads, strict=True)):
        if grad is not None and varying_axes(grad) != varying_axes(param):
            raise InvalidValueError(
                f"gradient {index} varies over {_named(varying_axes(grad))}, its parameter over "
                f"{_named(varying_axes(param))}: average the gradients of a parameter over the axes "
                "on which it does not vary, with jax.lax.pmean",
                "E_GRADS_AXES",
            )


def same_everywhere(scalars: dict[str, Array]) -> dict[str, Array]:
    """Arrays that are equal on all devices, of the type that says so."""
    return {name: _over(varying_axes(scalar), jax.lax.pmax, scalar) for name, scalar in scalars.items()}


class MeshSums(ComputedOnce):
    """
    Sums over the devices that hold parts of a tensor.

    Parameters
    ----------
    params : sequence of arrays
        The parameters of the step.
    """

    def __init__(self, params: Sequence[Array]) -> None:
        super().__init__(jnp)
        self.axes = [varying_axes(param) for param in params]

    def of_each(self, parts: Parts, indices: Sequence[int]) -> list[list[Array]]:
        """As `Reduction.of_each`."""
        added = [_added(part, self.axes[index]) for part, index in zip(parts, indices, strict=True)]
        return super().of_each(added, indices)

    def of_all(self, parts: Parts, indices: Sequence[int]) -> list[Array]:
        """As `Reduction.of_all`, with one sum over devices for all tensors of the same axes."""
        alike: dict[Axes, list[Sequence[Array]]] = {}
        for part, index in zip(parts, indices, strict=True):
            alike.setdefault(self.axes[index], []).append(part)
        return self.kept(add_sums([_added(add_sums(group), axes) for axes, group in alike.items()]))


def _added(sums: Sequence[Array], axes: Axes) -> list[Array]:
    return list(_over(axes, jax.lax.psum, tuple(sums)))


def _over(axes: Axes, collective: Any, value: Any) -> Any:
    return collective(value, tuple(sorted(axes))) if axes else value


def _named(axes: Axes) -> str:
    return f"the mesh axes {', '.join(sorted(axes))}" if axes else "no mesh axis"

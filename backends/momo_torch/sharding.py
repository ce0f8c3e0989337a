"""
One step of many ranks: tensors of which each holds a part, sums and the mean of the loss.

All ranks of the process group step together, on the same list of parameters and with
gradients for the same ones.  A plain tensor is whole on every rank, as data parallelism has
it.  Of a DTensor (``fully_shard``, hybrid sharding, tensor parallelism) a rank holds its
local part, and of every part that several ranks hold, one of them adds it to the sums.

The loss is averaged over all ranks of the group.  That is the mean over the samples also
where several ranks (of tensor parallelism) see the same ones.

Where all tensors are whole a step has one all-reduce, of the loss, and none for a rule
without a loss.  With a DTensor it has one for each time that the rule needs sums: one of
the sums together with the loss before the step size is known, one after the move, without
which one rank could skip a step that is not finite and another take it; and one before
both for a momentum coefficient that is chosen from sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import array_api_compat.torch as xp
import torch
import torch.distributed as dist
from torch import Tensor

from momo_core import InvalidValueError, Reduction
from momo_core.reduction import Parts, add_sums


def is_sharded(tensor: Tensor) -> bool:
    """Whether a tensor is a DTensor; asked by attribute, as importing the class takes a second."""
    return hasattr(tensor, "placements")


def local(tensor: Any) -> Tensor:
    """What this rank holds of a tensor: all of it, or the local part of a DTensor."""
    held: Tensor = tensor.to_local() if is_sharded(tensor) else tensor
    return held


def local_grad(param: Any) -> Tensor | None:
    """
    What this rank holds of the gradient of a parameter, laid out as the parameter is.

    Raises
    ------
    InvalidValueError
        If only one of them is a DTensor, or they are on different meshes.
    """
    grad = param.grad
    if grad is None:
        return None
    if not (is_sharded(param) or is_sharded(grad)):
        return local(grad)
    if not (is_sharded(param) and is_sharded(grad) and grad.device_mesh == param.device_mesh):
        raise InvalidValueError("a parameter and its gradient must be on one device mesh", "E_GRADS_MESH")
    if grad.placements != param.placements:
        grad = grad.redistribute(placements=param.placements)
    return local(grad)


def laid_out_as(param: Any, part: Tensor) -> Tensor:
    """A tensor of which each rank holds `part`, sharded as a parameter is; itself for a plain one."""
    if not is_sharded(param) or part.ndim == 0:
        return part
    mesh, placements, strides = param.device_mesh, param.placements, param.stride()
    whole: Tensor = type(param).from_local(
        part, mesh, placements, run_check=False, shape=param.shape, stride=strides
    )
    return whole


def mark_written(params: Sequence[Tensor]) -> None:
    """Tell autograd that what this rank holds of sharded parameters was written."""
    for param in params:
        if is_sharded(param):
            torch.autograd.graph.increment_version(param)


def reduction_of(process_group: Any, adds: list[bool] | None) -> Reduction:
    """
    How to add sums over the ranks of a process group.

    Parameters
    ----------
    process_group : torch.distributed.ProcessGroup or None
        The default group for None, where there is one.
    adds : list of bool or None
        As `adding_ranks` says.
    """
    return Reduction(xp) if is_alone(process_group) else RankReduction(process_group, adds)


def is_alone(process_group: Any) -> bool:
    """Whether no other rank takes part in the steps."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_world_size(process_group) == 1


class RankReduction(Reduction):
    """
    Sums over tensors and ranks, the same to the bit on all ranks.

    Parameters
    ----------
    process_group, adds
        As for `reduction_of`.
    """

    def __init__(self, process_group: Any, adds: list[bool] | None) -> None:
        super().__init__(xp)
        self.group, self.adds = process_group, adds

    def of_each(self, parts: Parts, indices: Sequence[int]) -> list[list[Tensor]]:
        """Sums of each tensor over the ranks."""
        if self.adds is None:
            return super().of_each(parts, indices)
        own = self._own(parts, indices)
        flat, width = self._total([part for tensor in own for part in tensor]), len(own[0])
        return [flat[start : start + width] for start in range(0, len(flat), width)]

    def of_all(self, parts: Parts, indices: Sequence[int]) -> list[Tensor]:
        """Sums over all tensors and ranks."""
        if self.adds is None:
            return super().of_all(parts, indices)
        return self._total(add_sums(self._own(parts, indices)))

    def with_loss(self, parts: Parts, indices: Sequence[int], loss: Tensor) -> tuple[list[Tensor], Tensor]:
        """`of_all` and the mean of the loss, in one all-reduce."""
        own = [] if self.adds is None else add_sums(self._own(parts, indices))
        *sums, total = self._total([*own, loss.to(parts[0][0])])
        return sums or super().of_all(parts, indices), total / dist.get_world_size(self.group)

    def _own(self, parts: Parts, indices: Sequence[int]) -> list[list[Tensor]]:
        """What this rank adds."""
        adds = self.adds or []
        return [
            [part if adds[index] else xp.zeros_like(part) for part in tensor]
            for index, tensor in zip(indices, parts, strict=True)
        ]

    def _total(self, own: list[Tensor]) -> list[Tensor]:
        """Sums over the ranks of several numbers."""
        row = torch.stack(own)
        dist.all_reduce(row, group=self.group)
        return list(row.unbind())


def adding_ranks(params: Sequence[Any], process_group: Any) -> list[bool] | None:
    """
    Whether this rank adds what it holds of each parameter, so that every element counts once.

    None where no parameter is a DTensor, so that every rank has all of them.

    On the mesh of a DTensor that is the first rank along each dimension over which the
    tensor is replicated.  Ranks outside of the mesh hold copies of the tensor, on meshes
    of their own: the one with the first rank of the group adds.

    Raises
    ------
    InvalidValueError
        If the group has only some of the ranks that hold a parameter, or a parameter is a
        sum that is still to be taken.
    """
    if not any(map(is_sharded, params)):
        return None
    ranks = dist.get_process_group_ranks(process_group or dist.group.WORLD)
    first = dist.get_rank() == ranks[0]
    layouts = [(param.device_mesh, param.placements) if is_sharded(param) else None for param in params]
    adds = {layout: _adds(*layout, ranks) if layout else first for layout in set(layouts)}
    return [adds[layout] for layout in layouts]


def _adds(mesh: Any, placements: Sequence[Any], ranks: list[int]) -> bool:
    """Whether this rank adds what it holds of tensors with one layout."""
    if any(placement.is_partial() for placement in placements):
        raise InvalidValueError(
            f"a parameter with placements {placements} cannot be optimized", "E_PARAMS_PARTIAL"
        )
    holders = set(mesh.mesh.flatten().tolist())
    if not holders <= set(ranks):
        raise InvalidValueError(
            f"process_group must have all ranks that hold a parameter, {sorted(holders)}, got {ranks}",
            "E_PROCESS_GROUP",
        )
    position = zip(mesh.get_coordinate(), placements, strict=True)
    first = all(index == 0 for index, placement in position if placement.is_replicate())
    return first and ranks[0] in holders

"""What each rank does for the portable state of sharded tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from momo_core import PortableState
from momo_torch import AMAdamW

SHAPES = ((5, 3), (4,), (1,))
"""Two ranks share each of them unevenly, and one gets nothing of the last."""


def states(rank: int) -> dict[str, PortableState]:
    """The state of whole tensors after two steps, and what sharded ones make of it."""
    mesh = init_device_mesh("cpu", (2,))
    random = torch.Generator().manual_seed(0)
    starts = [torch.randn(shape, generator=random) for shape in SHAPES]
    whole = [torch.nn.Parameter(start) for start in starts]
    parts = [torch.nn.Parameter(distribute_tensor(start, mesh, [Shard(0)])) for start in starts]
    optimizer, sharded = AMAdamW(whole), AMAdamW(parts)
    for _ in range(2):
        for param in whole:
            param.grad = torch.randn(param.shape, generator=random)
        optimizer.step()
    before: Any = sharded.portable_state()
    sharded.load_portable_state(optimizer.portable_state())
    return {"saved": optimizer.portable_state(), "before": before, "loaded": sharded.portable_state()}

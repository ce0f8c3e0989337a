"""
What each rank does for test_torch_distributed: steps with prescribed gradients and losses.

Each rank has its own; they are numbers of float32, so that the mean over two ranks is
exact in float64, and a single process can be given the very same step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.nn.parallel import DistributedDataParallel

from conformance_tests.comparisons import Trajectory
from conformance_tests.strategies import rounded
from momo_spec import spec_names
from momo_spec.bounds import Rows as Array
from momo_spec.bounds import flattened
from momo_torch import SGDM, Momo, MomoAdam, driver
from momo_torch.adapter import ModelBasedOptimizer
from momo_torch.sharding import local

SHAPES = ((5, 3), (4,), (1,))
"""Of the parameters; two ranks share each of them unevenly, and one gets nothing of the last."""

WORLD = 2
STEPS = 6

DECAYING = {"weight_decay": 0.05}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {} if name == "schedule_free_sps" else DECAYING) for name in spec_names()},
    "momo*": ("momo", {"adapt_lower_bound": True, **DECAYING}),
    "am_sgd by tensor": ("am_sgd", {"beta_scope": "tensor"}),
    "am_adamw globally": ("am_adamw", {"beta_scope": "global"}),
}

FEW = ("momo", "momo_am_adam", "am_adamw", "adamw")
WIDELY_USED = ("DDP", "FSDP2")


def prescribed(rank: int) -> Trajectory:
    """Start, and steps of a rank."""
    start, own = np.random.default_rng(0), np.random.default_rng(rank + 1)
    params = [rounded(start.normal(size=shape)) for shape in SHAPES]
    steps = [
        {
            "grads": [rounded(own.normal(size=shape)) for shape in SHAPES],
            "loss": float(rounded(own.uniform(0.5, 1.5))),
        }
        for _ in range(STEPS)
    ]
    return params, steps


def joint() -> Trajectory:
    """The same for a single process: the mean over the ranks."""
    params, _ = prescribed(0)
    ranks = [prescribed(rank)[1] for rank in range(WORLD)]
    steps = [
        {
            "grads": [sum(each) / WORLD for each in zip(*(step["grads"] for step in together), strict=True)],
            "loss": sum(step["loss"] for step in together) / WORLD,
        }
        for together in zip(*ranks, strict=True)
    ]
    return params, steps


class Linear(nn.Module):
    """A model whose loss and gradients are what it is called with."""

    def __init__(self, params: list[np.ndarray]) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.tensor(param)) for param in params])

    def forward(self, grads: list[Tensor], loss: float) -> Tensor:
        products = [(weight * grad).sum() for weight, grad in zip(self.weights, grads, strict=True)]
        total = torch.stack(products).sum()
        return total - total.detach() + loss


Begun = tuple[list[nn.Parameter], list[dict[str, Any]], Callable[[dict[str, Any]], Any]]
"""Parameters, steps, and what leaves the gradients of a step in the parameters and returns its loss."""


def of_model(spread: Callable[[nn.Module], nn.Module], rank: int, *, sees_all: bool = False) -> Begun:
    """A model that `spread` spreads over the ranks; each sees its own samples, or all of them."""
    params, steps = joint() if sees_all else prescribed(rank)
    model = spread(Linear(params))

    def backward(step: dict[str, Any]) -> Tensor:
        model.zero_grad()
        loss: Tensor = model([torch.tensor(grad) for grad in step["grads"]], step["loss"])
        loss.backward()
        return loss

    return list(model.parameters()), steps, backward


def of_layouts(rank: int) -> Begun:
    """A tensor in columns, a replicated one and a plain one; gradients whole, as a sum, and plain."""
    params, steps = joint()
    mesh, own = init_device_mesh("cpu", (WORLD,)), prescribed(rank)[1]
    columns, copied, plain = (torch.tensor(param) for param in params)
    leaves = [
        nn.Parameter(distribute_tensor(columns, mesh, [Shard(1)])),
        nn.Parameter(distribute_tensor(copied, mesh, [Replicate()])),
        nn.Parameter(plain),
    ]
    parts = iter(own)

    def backward(step: dict[str, Any]) -> DTensor:
        whole, _, ordinary = (torch.tensor(grad) for grad in step["grads"])
        mine = next(parts)
        leaves[0].grad = distribute_tensor(whole, mesh, [Replicate()])
        leaves[1].grad = DTensor.from_local(torch.tensor(mine["grads"][1]) / WORLD, mesh, [Partial()])
        leaves[2].grad = ordinary
        return DTensor.from_local(torch.tensor(mine["loss"], dtype=torch.float64) / WORLD, mesh, [Partial()])

    return leaves, steps, backward


def engines() -> dict[str, Callable[[int], Begun]]:
    """All of them; `copies` is what a submesh leaves of a larger mesh: a whole copy on each rank."""
    mesh = init_device_mesh("cpu", (WORLD, 1), mesh_dim_names=("copies", "shards"))
    return {
        "DDP": partial(of_model, DistributedDataParallel),
        "FSDP2": partial(of_model, fully_shard),
        "HSDP": partial(of_model, partial(fully_shard, mesh=mesh)),
        "copies": partial(of_model, partial(fully_shard, mesh=mesh["shards"]), sees_all=True),
        "layouts": of_layouts,
    }


def whole(tensor: Any) -> Array:
    """All elements of a tensor, on every rank."""
    tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return np.array(tensor.detach(), dtype=np.float64)


def snapshot(optimizer: ModelBasedOptimizer) -> Array:
    """All parameters in one row."""
    return flattened([whole(param) for group in optimizer.param_groups for param in group["params"]])


def follow(begin: Callable[[int], Begun], optimizer: str, hyper: dict[str, Any], rank: int) -> dict[str, Any]:
    """Trajectory, infos, and the collectives of each step."""
    params, steps, backward = begin(rank)
    built = driver.construct(optimizer, hyper, params)
    rows, infos, collectives = [snapshot(built)], [], []
    for step in steps:
        loss = backward(step)
        with CommDebugMode() as traffic:
            built.step(loss=loss)
        rows.append(snapshot(built))
        infos.append([float(value) for value in built.last_info if value is not None])
        collectives.append(traffic.get_total_counts())
    return {"rows": np.array(rows), "infos": np.array(infos), "collectives": collectives}


def run_engines(rank: int) -> dict[tuple[str, str], dict[str, Any]]:
    """Every case on the engines in wide use, a few of them on the others."""
    return {
        (engine, case): follow(begin, *CASES[case], rank)
        for engine, begin in engines().items()
        for case in (CASES if engine in WIDELY_USED else FEW)
    }


def not_finite(begin: Callable[[int], Begun], rank: int, spoil: str, optimizer: str = "momo") -> list[Any]:
    """Rows and skipped steps around a step that is not finite on the last rank alone."""
    params, steps, backward = begin(rank)
    built = driver.construct(optimizer, {}, params)
    seen = []
    for index, step in enumerate(steps[:3]):
        loss = backward(step)
        if index == 1 and rank == WORLD - 1:
            loss = torch.tensor(float("nan")) if spoil == "loss" else loss
            if spoil == "gradient":
                local(params[0].grad)[0, 0] = float("nan")
        built.step(loss=loss)
        seen.append((snapshot(built), int(built.param_groups[0]["skipped_steps"])))
    return seen


def caught(call: Callable[[], Any]) -> tuple[str, str]:
    """Type and text of the error that a call raises."""
    try:
        call()
    except Exception as error:
        return type(error).__name__, f"{getattr(error, 'code', '')} {error}"
    return "none", ""


def not_finite_raises(rank: int) -> tuple[str, str]:
    """What `on_nonfinite="raise"` does on every rank about a loss of one of them."""
    params, steps, backward = of_model(fully_shard, rank)
    built = Momo(params, on_nonfinite="raise")
    loss = backward(steps[0]) * (float("nan") if rank == 0 else 1.0)
    return caught(lambda: built.step(loss=loss))


def without_loss(rank: int) -> tuple[str, str]:
    """A step without a loss on every rank, and the collectives before the error."""
    params, steps, backward = of_model(fully_shard, rank)
    built = Momo(params)
    backward(steps[0])
    with CommDebugMode() as traffic:
        kind, _ = caught(built.step)
    return kind, str(traffic.get_total_counts())


def alone(rank: int) -> list[int]:
    """Collectives of a plain model in a group of one rank."""
    groups = [dist.new_group([each]) for each in range(WORLD)]
    params, steps, backward = of_model(lambda model: model, rank)
    built = Momo(params, process_group=groups[rank])
    loss = backward(steps[0])
    with CommDebugMode() as traffic:
        built.step(loss=loss)
    return [traffic.get_total_counts()]


def compiled(begin: Callable[[int], Begun], rank: int) -> tuple[Array, Array]:
    """The last parameters after steps as they are, and after steps compiled as one graph."""
    ends = []
    for compiles in (False, True):
        params, steps, backward = begin(rank)
        built = MomoAdam(params)
        take = partial(_take_step, built)
        take = torch.compile(take, backend="eager", fullgraph=True) if compiles else take
        for step in steps[:3]:
            take(backward(step).detach())
        ends.append(snapshot(built))
    return ends[0], ends[1]


def _take_step(built: ModelBasedOptimizer, loss: Tensor) -> None:
    built.step(loss=loss)


def refusals(rank: int) -> dict[str, tuple[str, str]]:
    """What cannot be right is refused on every rank alike."""
    from torch.distributed.optim import ZeroRedundancyOptimizer, _apply_optimizer_in_backward

    params, steps, backward = of_model(fully_shard, rank)
    partial_sum = DTensor.from_local(torch.ones(3), params[0].device_mesh, [Partial()])
    groups = [dist.new_group([each]) for each in range(WORLD)]
    backward(steps[0])
    plain = nn.Linear(3, 2)
    seen = {
        "group without all holders": caught(lambda: Momo(params, process_group=groups[rank])),
        "sum as a parameter": caught(lambda: Momo([nn.Parameter(partial_sum)])),
        "ZeRO": caught(lambda: ZeroRedundancyOptimizer(plain.parameters(), Momo, lr=1.0)),
        "in backward": caught(lambda: _apply_optimizer_in_backward(SGDM, plain.parameters(), {})),
    }
    params[0].grad = torch.ones(SHAPES[0], dtype=torch.float64)
    return {**seen, "plain gradient": caught(lambda: Momo(params).step(loss=1.0))}


def run_all(rank: int) -> dict[str, Any]:
    """All that test_torch_distributed asks about, of one rank."""
    begin = engines()
    return {
        "runs": run_engines(rank),
        "not finite": {
            "DDP, loss": not_finite(begin["DDP"], rank, "loss"),
            "FSDP2, loss": not_finite(begin["FSDP2"], rank, "loss"),
            "FSDP2, gradient": not_finite(begin["FSDP2"], rank, "gradient"),
            "FSDP2, gradient, no loss": not_finite(begin["FSDP2"], rank, "gradient", "am_adamw"),
        },
        "compiled": {engine: compiled(begin[engine], rank) for engine in WIDELY_USED},
        "raises": not_finite_raises(rank),
        "without loss": without_loss(rank),
        "alone": alone(rank),
        "refusals": refusals(rank),
    }

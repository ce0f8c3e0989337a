"""The rig of `momo_torch`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from momo_torch import driver
from momo_torch.adapter import ModelBasedOptimizer
from momo_torch.state import scalar_names

from . import NO_LOSS, START, Arrays, Rig, Run, WayToSet, is_double, passed


class TorchRun(Run):
    """An optimizer and its parameters, all in one group."""

    def __init__(self, optimizer: ModelBasedOptimizer, leaves: Sequence[torch.nn.Parameter]) -> None:
        self.optimizer, self.leaves = optimizer, leaves

    def step(self, grads: Sequence[Any], loss: Any = NO_LOSS) -> None:
        for leaf, grad in zip(self.leaves, grads, strict=True):
            leaf.grad = torch.tensor(grad, dtype=leaf.dtype) if is_double(grad) else grad
        self.optimizer.step(**passed(loss=loss))

    def set_learning_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    @property
    def params(self) -> list[np.ndarray]:
        return [numpy_of(leaf).astype(np.float64) for leaf in self.leaves]

    @property
    def state(self) -> Arrays:
        leaves = {
            f"{name} {index}": numpy_of(value)
            for index, leaf in enumerate(self.leaves)
            for name, value in self.optimizer.state[leaf].items()
        }
        group = self.optimizer.param_groups[0]
        names = [name for name in scalar_names(self.optimizer._kind) if name != "skipped_steps"]
        return {**leaves, **{name: numpy_of(group[name]) for name in names}}

    @property
    def info(self) -> dict[str, float]:
        info = self.optimizer.last_info._asdict()
        return {name: value.item() for name, value in info.items() if value is not None}

    @property
    def skipped_steps(self) -> int:
        return int(self.optimizer.param_groups[0]["skipped_steps"])

    def save(self) -> dict[str, Any]:
        return copy.deepcopy(self.optimizer.state_dict())

    def load(self, saved: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(saved)


def numpy_of(tensor: torch.Tensor) -> np.ndarray:
    wide = tensor.double() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
    return wide.detach().numpy().copy()


class TorchRig(Rig):
    """Classes of PyTorch."""

    name = "torch"

    def make(
        self,
        rule: str,
        hyper: Mapping[str, Any] | None = None,
        params: Sequence[Any] = START,
        *,
        dtype: str | Sequence[str] = "float32",
        **options: Any,
    ) -> TorchRun:
        dtypes = [dtype] * len(params) if isinstance(dtype, str) else dtype
        leaves = [_parameter(param, name) for param, name in zip(params, dtypes, strict=True)]
        return TorchRun(driver.construct(rule, dict(hyper or {}), leaves, **options), leaves)

    def array(self, values: Any, dtype: str = "float32") -> torch.Tensor:
        return torch.tensor(values, dtype=getattr(torch, dtype))

    def ways_to_set(self, rule: str, hyper: Mapping[str, Any]) -> Iterator[WayToSet]:
        yield WayToSet("constructor", lambda: self.make(rule, hyper), dict)
        run = self.make(rule)
        settings = self.make(rule).optimizer.param_groups[0]
        for argument, targets in run.optimizer.names.items():
            if hyper.keys() & set(targets):
                values = tuple(hyper.get(target, 0.5) for target in targets)
                settings[argument] = values if len(targets) > 1 else values[0]

        def look() -> object:
            groups = [{**group, "params": len(group["params"])} for group in run.optimizer.param_groups]
            return repr((groups, run.snapshot()))

        new = [torch.nn.Parameter(torch.ones(2))]
        own = {name: settings[name] for name in run.optimizer.names}
        yield WayToSet("add_param_group", lambda: run.optimizer.add_param_group({"params": new, **own}), look)
        state = run.optimizer.state_dict()
        state["param_groups"] = [{**state["param_groups"][0], **own}]
        yield WayToSet("load_state_dict", lambda: run.optimizer.load_state_dict(state), look)


def _parameter(param: Any, dtype: str) -> torch.Tensor:
    return torch.nn.Parameter(torch.tensor(param, dtype=getattr(torch, dtype))) if is_double(param) else param


RIG = TorchRig()

"""Run an optimizer of this package on given gradients and losses, or batches, for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from momo_core import KINDS
from momo_spec import load_spec

from . import optimizers
from .adapter import ModelBasedOptimizer
from .fused_steps import lacking

DTYPES = ("float64", "float32", "bfloat16", "float16")
WIDE = ("float64", "float32")
MODES = {"eager": DTYPES, "tensor by tensor": DTYPES, "fused": WIDE, "compile": WIDE}
"""In chunks, tensor by tensor, with the kernels, and as machine code by `torch.compile`."""

GROUPS = True
GROUP_NAMES = {"learning_rate": "lr", "weight_decay": "weight_decay"}


def devices() -> tuple[str, ...]:
    """Devices of this machine."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def missing(optimizer: str, mode: str) -> str:
    """Why a mode does not take an optimizer; empty if it does."""
    return lacking(KINDS[optimizer]) if mode == "fused" else ""


def construct(
    optimizer: str,
    hyper: dict[str, Any],
    params: Sequence[torch.Tensor] | Sequence[dict[str, Any]],
    **options: Any,
) -> ModelBasedOptimizer:
    """An optimizer by its name in the specification, called by PyTorch's names."""
    spec = load_spec(optimizer)
    cls: type[ModelBasedOptimizer] = getattr(optimizers, spec.frameworks["torch"].entry)
    full = {name: entry.default for name, entry in spec.hyper.items()} | hyper
    settings = {
        argument: full[targets[0]] if len(targets) == 1 else tuple(full[target] for target in targets)
        for argument, targets in cls.names.items()
    }
    return cls(params, **settings, **options)  # type: ignore[arg-type]


def run(
    optimizer: str,
    hyper: dict[str, Any],
    params: list[np.ndarray],
    steps: list[dict[str, Any]],
    *,
    dtype: str,
    device: str = "cpu",
    mode: str = "eager",
    groups: Sequence[Mapping[str, float]] = (),
    group_of: Sequence[int] = (),
) -> list[dict[str, Any]]:
    """Trajectory of an optimizer; `backends/README.md` describes arguments and result."""
    hypers = tuple(hyper.items())
    settings = dtype, device, mode, tuple(tuple(group.items()) for group in groups), tuple(group_of)
    session = _started(optimizer, hypers, params, *settings)
    if mode == "compile":
        shapes = tuple(param.shape for param in params)
        session = _compiled(optimizer, hypers, shapes, *settings).with_numbers_of(session)
    leaves, built = session.leaves, session.built
    fixed = [index for index, group in enumerate(groups) if "learning_rate" in group]
    trajectory = []
    for step in steps:
        for index, group in enumerate(built.param_groups):
            if index not in fixed:
                group["lr"] = step.get("hyper", {}).get("learning_rate", built.defaults["lr"])
        session.take_step(loss=_differentiated(leaves, step))
        trajectory.append(_snapshot(built, leaves))
    return trajectory


def _differentiated(leaves: list[torch.nn.Parameter], step: dict[str, Any]) -> Any:
    """The loss, given or that of a batch, whose gradients the leaves have then."""
    if "batch" in step:
        for leaf in leaves:
            leaf.grad = None
        loss = _loss(leaves, **step["batch"])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()
    for leaf, grad in zip(leaves, step["grads"], strict=True):
        leaf.grad = None if grad is None else torch.tensor(grad, dtype=leaf.dtype, device=leaf.device)
    return step.get("loss")


def _loss(layers: Sequence[torch.Tensor], inputs: np.ndarray, targets: np.ndarray) -> torch.Tensor:
    """Mean squared error of a linear network; without matrix products, whose precision is a setting."""
    outputs, goal = (torch.tensor(part).to(layers[0]) for part in (inputs, targets))
    for layer in layers:
        outputs = (outputs[:, :, None] * layer).sum(dim=1)
    return ((outputs - goal) ** 2).mean()


class _Session(NamedTuple):
    """An optimizer and what takes a step of it."""

    leaves: list[torch.nn.Parameter]
    built: ModelBasedOptimizer
    take_step: Callable[..., Any]

    @property
    def numbers(self) -> list[torch.Tensor]:
        """All that a step may change."""
        entries = (*self.built.state.values(), *self.built.param_groups)
        state = [value for entry in entries for value in entry.values() if isinstance(value, torch.Tensor)]
        return [*self.leaves, *state]

    @torch.no_grad()
    def with_numbers_of(self, other: _Session) -> _Session:
        """The same optimizer, set to where another one is."""
        for mine, number in zip(self.numbers, other.numbers, strict=True):
            mine.copy_(number)
        return self


def _started(
    optimizer: str,
    hyper: tuple[tuple[str, Any], ...],
    params: Sequence[np.ndarray],
    dtype: str,
    device: str,
    mode: str,
    groups: tuple[tuple[tuple[str, float], ...], ...],
    group_of: tuple[int, ...],
) -> _Session:
    """An optimizer before its first step."""
    target = {"dtype": getattr(torch, dtype), "device": device}
    leaves = [torch.nn.Parameter(torch.tensor(param, **target)) for param in params]
    grouped = _grouped(leaves, list(map(dict, groups)), group_of)
    foreach = False if mode == "tensor by tensor" else None
    built = construct(optimizer, dict(hyper), grouped, fused=mode == "fused", foreach=foreach)
    return _Session(leaves, built, built.step)


@lru_cache(maxsize=4)
def _compiled(
    optimizer: str, hyper: tuple[tuple[str, Any], ...], shapes: tuple[tuple[int, ...], ...], *settings: Any
) -> _Session:
    """The optimizer with a compiled step, for parameters of these shapes."""
    # PyTorch compiles a function a few times, for all optimizers of a class together.
    torch.compiler.reset()
    session = _started(optimizer, hyper, list(map(np.zeros, shapes)), *settings)
    return session._replace(take_step=torch.compile(session.built.step, fullgraph=True))


def _grouped(
    leaves: list[torch.nn.Parameter], groups: Sequence[Mapping[str, float]], group_of: Sequence[int]
) -> list[Any]:
    """The parameters as the constructor takes them."""
    if not groups:
        return list(leaves)
    own = [{GROUP_NAMES[name]: value for name, value in group.items()} for group in groups]
    members = [[leaf for leaf, of in zip(leaves, group_of, strict=True) if of == i] for i in range(len(own))]
    return [{"params": params, **settings} for params, settings in zip(members, own, strict=True)]


def _snapshot(built: ModelBasedOptimizer, leaves: list[torch.nn.Parameter]) -> dict[str, Any]:
    info = {name: value.item() for name, value in built.last_info._asdict().items() if value is not None}
    return {
        "params": [leaf.detach().to("cpu", torch.float64, copy=True).numpy() for leaf in leaves],
        "info": info | {"skipped": bool(info["skipped"])},
        "skipped_steps": int(built.param_groups[0]["skipped_steps"]),
    }

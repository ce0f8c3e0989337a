"""What is timed: parameter sets, and optimizers that step on them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from momo_spec import load_spec, spec_names

Shapes = list[tuple[int, ...]]

PARAMETER_SETS: dict[str, Shapes] = {
    "13M in 50": [*[(512, 512)] * 50],
    "21M in 121": [*[(416, 416)] * 120, (144, 1024)],
    "13.6k in 100": [*[(136,)] * 100],
}
"""Large tensors, more of them, and many small ones."""

REFERENCE = "torch AdamW fused"


@dataclass(frozen=True)
class Case:
    """
    An optimizer on a parameter set.

    Attributes
    ----------
    name : str
    optimizer : torch.optim.Optimizer
    step : callable
        One step on gradients that stay.
    words : int, optional
        Words that a step moves for each parameter, where its kernels say so.
    """

    name: str
    optimizer: torch.optim.Optimizer
    step: Callable[[], object]
    words: int | None = None


def torch_cases(shapes: Shapes, device: str, rules: list[str]) -> Iterator[Case]:
    """PyTorch's AdamW in its three implementations, those of other packages, and ours."""
    for option in ("fused", "foreach", "for-loop"):
        params = parameters(shapes, device)
        adamw = torch.optim.AdamW(params, fused=option == "fused", foreach=option == "foreach")
        yield Case(f"torch AdamW {option}", adamw, adamw.step, 7 if option == "fused" else None)
    yield from peer_cases(shapes, device)
    for name in rules:
        for fused in (True, False) if device == "cpu" else (False,):
            case = own_case(name, shapes, device, fused)
            if case is not None:
                yield case


def peer_cases(shapes: Shapes, device: str) -> Iterator[Case]:
    """The authors' package, where it is installed."""
    try:
        peer: Any = importlib.import_module("momo")
    except ImportError:
        return
    for name in ("Momo", "MomoAdam"):
        optimizer = getattr(peer, name)(parameters(shapes, device))
        loss = torch.tensor(1.0, device=device)
        yield Case(f"momo-opt {name}", optimizer, partial(optimizer.step, loss=loss))


def own_case(name: str, shapes: Shapes, device: str, fused: bool) -> Case | None:
    """An optimizer of `momo_torch`; None where it has no kernels."""
    from momo_torch import optimizers
    from momo_torch.plan import kernel_table

    if fused and (name, False) not in kernel_table():
        return None
    spec = load_spec(name)
    entry = spec.frameworks["torch"].entry
    options: dict[str, Any] = {"total_steps": 1e6} if "total_steps" in spec.hyper else {}
    built = getattr(optimizers, entry)(parameters(shapes, device), fused=fused, **options)
    loss = torch.tensor(1.0, device=device)
    decays = bool(built.param_groups[0]["weight_decay"])
    words = kernel_table()[name, decays].words if fused else None
    label = f"{entry} {'fused' if fused else 'generic'}"
    return Case(label, built, partial(built.step, loss=loss), words)


def parameters(shapes: Shapes, device: str) -> list[torch.nn.Parameter]:
    """Parameters with gradients, the same in each call."""
    generator = torch.Generator(device).manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, device=device, generator=generator)) for shape in shapes]
    for param in params:
        param.grad = torch.randn(param.shape, device=device, generator=generator) / 100
    return params


def rule_names() -> tuple[str, ...]:
    """All rules."""
    return spec_names()

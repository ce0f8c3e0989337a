"""Cases of PyTorch: its AdamW in three implementations, the authors' package, and ours."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import torch

from momo_spec import load_spec

from .cases import ADAM_WORDS, REFERENCE, Case, Shapes, UnavailableError, count, needed, words_of

PACKAGES = ("torch", "numba", "momo-opt")
AUTHORS = {"momo": "Momo", "momo_adam": "MomoAdam"}
SAME = {"sgdm": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.9}), "adam": ("Adam", {})}
"""Of PyTorch's own optimizers those that are a rule of ours; AdamW is the reference."""


def facts() -> dict[str, object]:
    """What the figures depend on."""
    return {"threads": torch.get_num_threads()}


def cases(rule: str, shapes: Shapes, device: str, *, brief: bool) -> Iterator[Case]:
    """The reference, the peer of a rule and the rule; other AdamW for no rule, no peer if `brief`."""
    yield reference(shapes, device)
    if not rule:
        if not brief:
            yield torch_case("AdamW", {"foreach": True}, "foreach", shapes, device)
            yield torch_case("AdamW", {"foreach": False, "fused": False}, "for-loop", shapes, device)
        return
    peer = None if brief else peer_case(rule, shapes, device)
    if peer is not None:
        yield peer
    name = REFERENCE if peer is None else peer.name
    fused = device == "cpu" and words_of(rule) is not None
    if fused:
        yield own_case(rule, shapes, device, name, fused=True)
    if not (brief and fused):
        yield own_case(rule, shapes, device, name, fused=False)


@lru_cache(maxsize=3)
def reference(shapes: Shapes, device: str) -> Case:
    """PyTorch's fused AdamW, kept for the next rule on the same set."""
    return torch_case("AdamW", {"fused": True}, "fused", shapes, device)


def peer_case(rule: str, shapes: Shapes, device: str) -> Case | None:
    """The same rule in another package; None where that is the reference, or there is none."""
    if rule in SAME:
        name, options = SAME[rule]
        return torch_case(name, {**options, "fused": True}, "fused", shapes, device, words_of(rule))
    try:
        peer: Any = importlib.import_module("momo")
    except ImportError:
        return None
    if rule not in AUTHORS:
        return None
    optimizer = getattr(peer, AUTHORS[rule])(parameters(shapes, device))
    step = partial(optimizer.step, loss=torch.tensor(1.0, device=device))
    return made(f"momo-opt {AUTHORS[rule]}", optimizer, step, words_of(rule))


def torch_case(
    name: str,
    options: dict[str, Any],
    label: str,
    shapes: Shapes,
    device: str,
    words: int | None = ADAM_WORDS,
) -> Case:
    """An optimizer of PyTorch."""
    optimizer = getattr(torch.optim, name)(parameters(shapes, device), **options)
    return made(f"torch {name} {label}", optimizer, optimizer.step, words)


def own_case(rule: str, shapes: Shapes, device: str, peer: str, *, fused: bool) -> Case:
    """An optimizer of `momo_torch`."""
    optimizer = own_optimizer(rule, parameters(shapes, device), fused=fused)
    step = partial(optimizer.step, loss=torch.tensor(1.0, device=device))
    label = f"{load_spec(rule).frameworks['torch'].entry} {'fused' if fused else 'generic'}"
    return made(label, optimizer, step, words_of(rule), peer)


def own_optimizer(rule: str, params: list[torch.nn.Parameter], *, fused: bool) -> Any:
    """An optimizer of `momo_torch` by the name of its rule."""
    from momo_torch import optimizers

    entry = load_spec(rule).frameworks["torch"]
    options = {entry.names[name]: value for name, value in needed(rule).items()}
    return getattr(optimizers, entry.entry)(params, fused=fused, **options)


def made(
    name: str,
    optimizer: torch.optim.Optimizer,
    step: Callable[[], object],
    words: int | None,
    peer: str = "",
) -> Case:
    """A case of a PyTorch optimizer."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    return Case(
        name,
        "torch",
        step,
        partial(wait, params[0].device.type),
        count(tuple(tuple(param.shape) for param in params)),
        partial(state_bytes, optimizer),
        partial(peak_temporaries, step, params[0].device.type),
        words,
        peer,
    )


def parameters(shapes: Shapes, device: str) -> list[torch.nn.Parameter]:
    """Parameters, the same in each call, whose gradients all cases share."""
    if device != "cpu" and not torch.cuda.is_available():
        raise UnavailableError("PyTorch finds no GPU")
    generator = torch.Generator(device).manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, device=device, generator=generator)) for shape in shapes]
    for param, grad in zip(params, gradients(shapes, device), strict=True):
        param.grad = grad
    return params


@lru_cache(maxsize=3)
def gradients(shapes: Shapes, device: str) -> list[torch.Tensor]:
    """Gradients that no step changes."""
    generator = torch.Generator(device).manual_seed(1)
    return [torch.randn(shape, device=device, generator=generator) / 100 for shape in shapes]


def wait(device: str) -> None:
    """Wait for a device that works on its own."""
    if device != "cpu":
        torch.cuda.synchronize()


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of the state that belongs to parameters."""
    return sum(
        value.nbytes
        for values in optimizer.state.values()
        if isinstance(values, dict)
        for value in values.values()
        if isinstance(value, torch.Tensor)
    )


def peak_temporaries(step: Callable[[], object], device: str) -> int:
    """Largest sum of the bytes that one step has allocated and not yet freed."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as run:
        step()
    level = peak = 0
    events = run.profiler.kineto_results.events()
    for event in sorted(events, key=lambda each: each.start_ns()):
        if event.name() == "[memory]":
            level += event.nbytes()
            peak = max(peak, level)
    return peak


def array_in_place(size: int, device: str) -> Callable[[], object]:
    """A step in place that reads and writes an array of `size` float32, waiting for its end."""
    array = torch.ones(size, device=device)

    def negate() -> None:
        array.neg_()
        wait(device)

    return negate

"""Timing side by side: in each round every case steps once, so that all see the same machine."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch

from .cases import REFERENCE, Case


@dataclass(frozen=True)
class Result:
    """
    Figures of one case.

    Attributes
    ----------
    name : str
    median, quartile_low, quartile_high : float
        Seconds of a step.
    ratio : float
        Median over the rounds of the time over that of the reference in the same round.
    limit : float, optional
        Seconds that moving the words of the step takes at the measured bandwidth; it means
        nothing for tensors that fit into the cache.
    first : float
        Seconds of the first step, compilation or loading of kernels included.
    temporaries : float
        Bytes allocated at the peak of a step, over those of the parameters.
    state_bytes : float
        Bytes of state for each parameter.
    """

    name: str
    median: float
    quartile_low: float
    quartile_high: float
    ratio: float
    limit: float | None
    first: float
    temporaries: float
    state_bytes: float

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def measure(cases: Sequence[Case], rounds: int, device: str, progress: Callable[[], None]) -> list[Result]:
    """Time all cases; `progress` is called after each round."""
    firsts = [seconds(case.step, device) for case in cases]
    temporaries = [peak_temporaries(case, device) for case in cases]
    times: list[list[float]] = [[] for _ in cases]
    for number in range(rounds):
        # Every second round goes backwards, so that nobody always follows the same neighbour.
        order = range(len(cases)) if number % 2 == 0 else reversed(range(len(cases)))
        for index in order:
            cases[index].step()
            times[index].append(seconds(cases[index].step, device))
        progress()
    reference = times[[case.name for case in cases].index(REFERENCE)]
    speed = bandwidth(cases[0], device)
    return [
        _result(case, own, reference, first, extra, speed)
        for case, own, first, extra in zip(cases, times, firsts, temporaries, strict=True)
    ]


def _result(
    case: Case, own: list[float], reference: list[float], first: float, temporaries: float, speed: float
) -> Result:
    low, middle, high = statistics.quantiles(own, n=4)
    ratios = [mine / theirs for mine, theirs in zip(own, reference, strict=True)]
    count = number_of_parameters(case)
    limit = None if case.words is None else 4 * case.words * count / speed
    state = sum(
        value.nbytes
        for values in case.optimizer.state.values()
        if isinstance(values, dict)
        for value in values.values()
        if isinstance(value, torch.Tensor)
    )
    return Result(
        case.name, middle, low, high, statistics.median(ratios), limit, first, temporaries, state / count
    )


def seconds(step: Callable[[], object], device: str) -> float:
    """Wall time of a step."""
    synchronise(device)
    start = time.perf_counter()
    step()
    synchronise(device)
    return time.perf_counter() - start


def synchronise(device: str) -> None:
    """Wait for a device that works on its own."""
    if device != "cpu":
        torch.cuda.synchronize()


def bandwidth(case: Case, device: str) -> float:
    """
    Bytes a second that a step in place can read and write, on as much memory as one of Adam touches.

    A copy would be slower: a processor reads the memory that it is about to write, too.
    """
    array = torch.ones(4 * number_of_parameters(case), device=device)
    best = min(seconds(lambda: array.neg_(), device) for _ in range(10))
    return 2 * array.nbytes / best


def number_of_parameters(case: Case) -> int:
    """Elements of all tensors."""
    return sum(param.numel() for group in case.optimizer.param_groups for param in group["params"])


def peak_temporaries(case: Case, device: str) -> float:
    """Largest sum of the bytes that one step has allocated and not yet freed, over the parameters."""
    size = 4 * number_of_parameters(case)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        case.step()
        return (torch.cuda.max_memory_allocated() - before) / size
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as run:
        case.step()
    level = peak = 0
    events = run.profiler.kineto_results.events()
    for event in sorted(events, key=lambda each: each.start_ns()):
        if event.name() == "[memory]":
            level += event.nbytes()
            peak = max(peak, level)
    return math.ceil(peak) / size

"""Timing side by side: in each round every case steps, so that all see the same machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .cases import REFERENCE, Case

SHORTEST = 0.01
"""Seconds that a round gives to a case at least, in as many steps as that takes."""
MOST_STEPS = 50


@dataclass(frozen=True)
class Result:
    """
    Figures of one case.

    Attributes
    ----------
    name, framework : str
    parameters : int
    median, quartile_low, quartile_high, fastest : float
        Seconds of a step: of the rounds, and the least of them.
    ratio : float, optional
        Median over the rounds of the time over that of the reference in the same round.
    peer : str, optional
        Name of the case that it is compared with.
    peer_ratio : float, optional
        As `ratio`, over the peer.
    words : int, optional
        The fewest words known to suffice for such a step, for each parameter.
    limit : float, optional
        Seconds that moving these words takes at the measured bandwidth.
    first : float
        Seconds of the first step, compilation or loading of kernels included.
    temporaries : float, optional
        Bytes of a step for itself, over those of the parameters.
    state_bytes : float
        Bytes of state for each parameter.
    """

    name: str
    framework: str
    parameters: int
    median: float
    quartile_low: float
    quartile_high: float
    fastest: float
    ratio: float | None
    peer: str | None
    peer_ratio: float | None
    words: int | None
    limit: float | None
    first: float
    temporaries: float | None
    state_bytes: float


def measure(cases: Sequence[Case], rounds: int, bandwidth: float | None = None) -> list[Result]:
    """
    Time cases side by side.

    Parameters
    ----------
    cases : sequence of Case
    rounds : int
        At least 2.
    bandwidth : float, optional
        Bytes a second; without it no case has a limit.
    """
    firsts = [seconds(case) for case in cases]
    temporaries = [case.temporaries() for case in cases]
    repeats = [min(MOST_STEPS, max(1, round(SHORTEST / seconds(case)))) for case in cases]
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(rounds):
        # Every second round goes backwards, so that nobody always follows the same neighbour.
        order = range(len(cases)) if number % 2 == 0 else reversed(range(len(cases)))
        for index in order:
            case = cases[index]
            case.step()
            times[case.name].append(statistics.fmean(seconds(case) for _ in range(repeats[index])))
    return [
        result_of(case, times, first, extra, bandwidth)
        for case, first, extra in zip(cases, firsts, temporaries, strict=True)
    ]


def result_of(
    case: Case,
    times: dict[str, list[float]],
    first: float,
    temporaries: int | None,
    bandwidth: float | None,
) -> Result:
    """The figures of a case from the times of all."""
    own, size = times[case.name], 4 * case.parameters
    low, middle, high = statistics.quantiles(own, n=4, method="inclusive")
    return Result(
        name=case.name,
        framework=case.framework,
        parameters=case.parameters,
        median=middle,
        quartile_low=low,
        quartile_high=high,
        fastest=min(own),
        ratio=ratio(own, times.get(REFERENCE)),
        peer=case.peer or None,
        peer_ratio=ratio(own, times.get(case.peer)),
        words=case.words,
        limit=None if case.words is None or bandwidth is None else case.words * size / bandwidth,
        first=first,
        temporaries=None if temporaries is None else temporaries / size,
        state_bytes=case.state_bytes() / case.parameters,
    )


def ratio(own: list[float], other: list[float] | None) -> float | None:
    """Median of the ratios of the rounds."""
    if other is None:
        return None
    return statistics.median(mine / theirs for mine, theirs in zip(own, other, strict=True))


def seconds(case: Case) -> float:
    """Wall time of a step."""
    case.wait()
    start = time.perf_counter()
    case.step()
    case.wait()
    return time.perf_counter() - start


def bandwidth(move: Callable[[], object], moved: int) -> float:
    """
    Bytes a second.

    Parameters
    ----------
    move : callable
        Reads and writes memory in place.  A copy would be slower: a processor reads the memory that
        it is about to write, too.
    moved : int
        Bytes read and written by one call.
    """
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        move()
        best = min(best, time.perf_counter() - start)
    return moved / best

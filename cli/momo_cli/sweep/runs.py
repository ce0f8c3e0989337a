"""One run of a sweep: what decides its number, and what came out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from itertools import product
from time import perf_counter
from typing import Any

from momo_cli.sweep.optimizers import parse
from momo_cli.sweep.problem import prepare
from momo_cli.sweep.tasks import TASKS
from momo_cli.train.backends import BACKENDS


@dataclass(frozen=True)
class Run:
    """
    All that decides the number of one run.

    `data` is the fingerprint of the initial weights, the batches and the examples of the final loss.
    """

    backend: str
    task: str
    optimizer: str
    learning_rate: float
    seed: int
    steps: int
    batch_size: int
    data: str


@dataclass(frozen=True)
class Record:
    """
    A finished run.

    `loss` is the mean loss of the training set after the last step, infinite if it is not a finite
    number; `initial_loss` that before the first.  `skipped` counts the steps that an optimizer of
    ours refused because a number was not finite.
    """

    run: Run
    loss: float
    initial_loss: float
    skipped: int
    seconds: float
    versions: dict[str, str]

    @property
    def finite(self) -> bool:
        """Whether no number came up that is not finite."""
        return self.skipped == 0 and math.isfinite(self.loss)

    @property
    def diverged(self) -> bool:
        """Whether the run ended above its start, or met a number that is not finite."""
        return not self.finite or self.loss > self.initial_loss

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types; an infinite loss is None there."""
        return asdict(self) | {"loss": self.loss if math.isfinite(self.loss) else None}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Record:
        """Return the record of which these are the fields."""
        loss = math.inf if fields["loss"] is None else fields["loss"]
        return cls(**{**fields, "run": Run(**fields["run"]), "loss": loss})


def learning_rates(lowest: float, highest: float, per_decade: int) -> list[float]:
    """
    Return rates of equal ratio, rounded to three digits.

    Examples
    --------
    >>> learning_rates(0.01, 1, 2)
    [0.01, 0.0316, 0.1, 0.316, 1.0]
    """
    first, last = (math.log10(rate) * per_decade for rate in (lowest, highest))
    exponents = range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)
    return [float(f"{10 ** (exponent / per_decade):.3g}") for exponent in exponents]


def plan(
    backend: str,
    tasks: Sequence[str],
    optimizers: Sequence[str],
    rates: Sequence[float],
    seeds: int,
    steps: int | None = None,
    batch_size: int | None = None,
) -> Iterator[Run]:
    """Yield all runs, those that share compiled code one after the other."""
    for name in tasks:
        task = TASKS[name]
        sizes = steps or task.steps, batch_size or task.batch_size
        data = [prepare(name, seed, *sizes).fingerprint() for seed in range(seeds)]
        for optimizer, rate, seed in product(optimizers, rates, range(seeds)):
            yield Run(backend, name, optimizer, rate, seed, *sizes, data[seed])


def train(run: Run) -> Record:
    """Do one run, in this process."""
    begin = perf_counter()
    framework = run.backend.partition("-")[0]
    problem = prepare(run.task, run.seed, run.steps, run.batch_size)
    module = import_module(f"momo_cli.sweep.run_{framework}")
    weights, skipped = module.train(problem, parse(run.optimizer), run.learning_rate)
    loss = problem.loss(weights)
    return Record(
        run,
        loss if math.isfinite(loss) else math.inf,
        problem.initial_loss,
        skipped,
        round(perf_counter() - begin, 3),
        _versions(run.backend),
    )


@cache
def _versions(backend: str) -> dict[str, str]:
    return {package: import_module(package).__version__ for package in BACKENDS[backend].packages}

"""R75 to R82, what of it concerns every framework: several optimizers in one process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from conformance_tests.cases.given_steps import walk
from conformance_tests.rigs import RULES, Arrays, Rig, assert_same


def r82_two_optimizers_in_turn(rig: Rig) -> None:
    """Optimizers that step in turn are to the bit what each is alone: nothing is shared."""
    for rule in RULES:
        first, second = rig.make(rule), rig.make(rule)
        for seed in (1, 2):
            walk(first, 1, seed)
            walk(second, 1, seed + 10)
        for run, seeds in ((first, (1, 2)), (second, (11, 12))):
            alone = rig.make(rule)
            for seed in seeds:
                walk(alone, 1, seed)
            assert_same(run.snapshot(), alone.snapshot())


def r82_threads(rig: Rig) -> None:
    """Optimizers in threads of one process are to the bit what each is alone."""

    def train(seed: int) -> Arrays:
        return walk(rig.make("momo_adam"), 10, seed).snapshot()

    seeds = range(4)
    alone = [train(seed) for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(train, seeds), strict=True):
            assert_same(one, other)

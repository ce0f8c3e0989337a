"""R83 to R88, what of it concerns every framework: learning rates that change."""

from __future__ import annotations

import math

from conformance_tests.cases.given_steps import GRADS, skip_step, walk
from conformance_tests.rigs import RULES, Rig, unchanged

UNCUT = {"momo": {"lower_bound": -math.inf}, "momo_adam": {"lower_bound": -math.inf}, "sgdm": {}, "adamw": {}}
"""Rules and settings with which the step size is the learning rate times what the averages say."""


def r88_learning_rate_of_the_step(rig: Rig) -> None:
    """A step has the learning rate that holds when it is taken, not that of the constructor."""
    for rule, hyper in UNCUT.items():
        sizes = []
        for rate in (0.25, 0.125):
            run = walk(rig.make(rule, hyper))
            run.set_learning_rate(rate)
            run.step(GRADS, 1.0)
            sizes.append(run.info["step_size"])
        assert sizes[0] == 2 * sizes[1] > 0, rule


def r88_learning_rate_that_becomes_nan(rig: Rig) -> None:
    """A schedule that returns NaN costs the step, and not the training."""
    for rule in RULES:
        run = walk(rig.make(rule))
        with unchanged(run):
            run.set_learning_rate(math.nan)
            skip_step(run, GRADS, 1.0)
        run.set_learning_rate(0.125)
        run.step(GRADS, 1.0)
        assert not run.info["skipped"], rule

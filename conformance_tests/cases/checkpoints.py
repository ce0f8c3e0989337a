"""R63 to R74, what of it concerns every framework: saving and loading at any step."""

from __future__ import annotations

from conformance_tests.cases.given_steps import walk
from conformance_tests.rigs import RULES, Rig, assert_same


def r63_resume_at_any_step(rig: Rig) -> None:
    """Saved and loaded at any step, the first included, training goes on to the bit."""
    for rule in RULES:
        for steps in (0, 2):
            run = walk(rig.make(rule), steps)
            resumed = rig.make(rule, params=run.params)
            resumed.load(run.save())
            assert_same(resumed.snapshot(), run.snapshot())
            assert_same(walk(resumed, 2, seed=1).snapshot(), walk(run, 2, seed=1).snapshot())


def r63_resume_after_a_skipped_step(rig: Rig) -> None:
    """The count of skipped steps is saved, too."""
    run = walk(rig.make("momo_adam"))
    run.step([0 * param for param in run.params], float("nan"))
    resumed = rig.make("momo_adam", params=run.params)
    resumed.load(run.save())
    assert resumed.skipped_steps == run.skipped_steps == 1


def r65_scalars_of_half_precision(rig: Rig) -> None:
    """Averages and scalars of half-precision parameters stay float32 through a checkpoint."""
    for dtype in ("float16", "bfloat16"):
        if dtype in rig.dtypes:
            run = walk(rig.make("momo_adam", dtype=dtype))
            resumed = rig.make("momo_adam", params=run.params, dtype=dtype)
            resumed.load(run.save())
            assert_same(resumed.snapshot(), run.snapshot())

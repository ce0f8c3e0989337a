"""R24 to R62: what a step is given, and that a refused or skipped step leaves all as it was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from conformance_tests.cases import only
from conformance_tests.comparisons import problem_and_bound
from conformance_tests.rigs import CUT, RULES, START, Rig, Run, assert_same, unchanged
from conformance_tests.roundings import gamma
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError, phases
from momo_spec import load_spec, spec_names
from momo_spec.problem import Problem, Step

GRADS = [np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([1.0, -0.5, 0.75])]
ZEROS = [np.zeros_like(param) for param in START]
SQUARED = float(sum(np.sum(grad**2) for grad in GRADS))
AVERAGING = ("momo", "momo_adam", "sgdm", "adamw")
"""Rules whose averages have one weight for all tensors."""

ADAPTING = tuple(name for name in spec_names() if "adapt_lower_bound" in load_spec(name).hyper)


def no_decay(rule: str, **hyper: Any) -> dict[str, Any]:
    return {"weight_decay": 0.0, **hyper}


def walk(run: Run, steps: int = 3, seed: int = 0) -> Run:
    """Steps with gradients and losses of a seed."""
    random = np.random.default_rng(seed)
    for _ in range(steps):
        run.step([random.normal(size=param.shape) for param in run.params], random.uniform(0.5, 2))
    return run


def started(rig: Rig, rules: Sequence[str] = RULES, **options: Any) -> Iterator[Run]:
    """A run of each rule that has taken a few steps."""
    for rule in rules:
        yield walk(rig.make(rule, **options))


def same_steps(rig: Rig, losses: Sequence[Any], expected: float) -> None:
    """A step with each of the losses is to the bit the step with a plain float."""
    for rule in CUT:
        plain = walk(rig.make(rule))
        plain.step(GRADS, expected)
        for loss in losses:
            run = walk(rig.make(rule))
            run.step(GRADS, loss)
            assert_same(run.snapshot(), plain.snapshot())


def refuse_losses(rig: Rig, losses: Sequence[Any], error: type[Exception], code: str) -> None:
    for run in started(rig, CUT):
        for loss in losses:
            with unchanged(run), pytest.raises(error) as caught:
                run.step(GRADS, loss)
            assert caught.value.code == code  # type: ignore[attr-defined]


def skip_step(run: Run, grads: Sequence[Any], loss: Any) -> None:
    """A step that must change the count of skipped steps and nothing else."""
    before = run.skipped_steps
    with unchanged(run), np.errstate(over="ignore", invalid="ignore"):
        run.step(grads, loss)
    assert run.skipped_steps == before + 1
    assert run.info["skipped"]
    assert run.info["step_size"] == 0


def skip_and_go_on(rig: Rig, rules: Sequence[str], grads: Sequence[Any], loss: float) -> None:
    """The run after a skipped step is to the bit the run that never saw it."""
    for rule in rules:
        run, other = walk(rig.make(rule)), walk(rig.make(rule))
        skip_step(run, grads, loss)
        assert_same(walk(run, seed=1).snapshot(), walk(other, seed=1).snapshot())
        assert not run.info["skipped"]


def r24_no_loss(rig: Rig) -> None:
    """A step without the loss is a ValueError that says how to hand it over, also at the first step."""
    for rule in CUT:
        for run in (rig.make(rule), walk(rig.make(rule))):
            with unchanged(run), pytest.raises(MissingLossError, match="loss") as caught:
                run.step(GRADS)
            assert caught.value.code == "E_LOSS_MISSING"


def r26_loss_none(rig: Rig) -> None:
    """A loss of None is a missing loss, never a number; what needs no loss ignores it."""
    refuse_losses(rig, (None,), MissingLossError, "E_LOSS_MISSING")
    for run in started(rig, ("sgdm", "am_adamw")):
        run.step(GRADS, None)
        assert not run.info["skipped"]


def r27_plain_numbers(rig: Rig) -> None:
    """A loss may be a number of Python, of NumPy or of the framework: the same step to the bit."""
    values = (np.float32(1.5), np.float64(1.5), np.float16(1.5), np.array(1.5), rig.array(1.5))
    same_steps(rig, values, 1.5)


def r28_loss_of_one_element(rig: Rig) -> None:
    """A loss of shape (1,) or (1, 1) is its one element; shapes and dtypes of the state stay."""
    same_steps(rig, (rig.array([1.5]), rig.array([[1.5]]), np.array([1.5])), 1.5)


def r29_loss_of_several_elements(rig: Rig) -> None:
    """A loss with more or fewer elements than one is a ValueError with its shape, never a mean."""
    losses = (rig.array([1.0, 2.0]), rig.array(np.ones((3, 1))), rig.array(np.ones(0)), np.ones(2))
    refuse_losses(rig, losses, InvalidValueError, "E_LOSS_SHAPE")


def r30_loss_that_is_not_real(rig: Rig) -> None:
    """A loss that is complex, bool or text is a TypeError."""
    losses = (1j, True, np.bool_(True), "1.0", rig.array(1j, "complex64"), rig.array(True, "bool"))
    refuse_losses(rig, losses, InvalidTypeError, "E_LOSS_TYPE")


def r31_integer_loss(rig: Rig) -> None:
    """An integer loss is that number in the dtype of the scalars."""
    same_steps(rig, (2, np.int64(2), np.array([2]), rig.array(2, "int32")), 2.0)


def r33_nan_loss(rig: Rig) -> None:
    """A loss of NaN skips the step: nothing changes but a counter, and training goes on as if unseen."""
    skip_and_go_on(rig, CUT, GRADS, math.nan)


def r33_nan_loss_that_raises(rig: Rig) -> None:
    """With `on_nonfinite="raise"` the step is a FloatingPointError, and nothing changes."""
    for run in started(rig, CUT, on_nonfinite="raise"):
        with unchanged(run), pytest.raises(FloatingPointError, match="not finite"):
            run.step(GRADS, math.nan)


def r33_nan_loss_that_spreads(rig: Rig) -> None:
    """With `on_nonfinite="propagate"` NaN goes where arithmetic takes it, for who wants to see it."""
    for run in started(rig, ("momo", "momo_adam"), on_nonfinite="propagate"):
        run.step(GRADS, math.nan)
        assert run.skipped_steps == 0
        assert all(np.isnan(param).all() for param in run.params)


def r34_infinite_loss(rig: Rig) -> None:
    """A loss of +infinity skips the step; no average stays infinite."""
    skip_and_go_on(rig, CUT, GRADS, math.inf)


def r35_negative_infinite_loss(rig: Rig) -> None:
    """A loss of -infinity skips the step; later steps are not stuck."""
    skip_and_go_on(rig, CUT, GRADS, -math.inf)


def r36_loss_below_the_bound(rig: Rig) -> None:
    """Where the model is below the lower bound the step size is 0: parameters stay, averages move."""
    for rule in CUT:
        run = rig.make(rule, no_decay(rule, lower_bound=2.0))
        before, state = run.params, run.state
        run.step(GRADS, 1.0)
        assert run.info["step_size"] == 0
        assert not run.info["skipped"]
        for one, other in zip(before, run.params, strict=True):
            np.testing.assert_array_equal(one, other)
        assert any(not np.array_equal(state[name], now) for name, now in run.state.items())


def r36_estimated_bound_gets_free(rig: Rig) -> None:
    """An estimated bound above the loss is lowered, so that later steps move again."""
    for rule in ADAPTING:
        run = rig.make(rule, no_decay(rule, adapt_lower_bound=True))
        for loss in (5.0, 4.0, 0.01, 0.5, 0.5, 0.5):
            run.step(GRADS, loss)
        assert run.info["step_size"] > 0, rule
        assert run.skipped_steps == 0, rule


def spoiled(value: float) -> Iterator[list[np.ndarray]]:
    """Gradients with one bad element, in each of the tensors."""
    for index in range(len(GRADS)):
        grads = [grad.copy() for grad in GRADS]
        grads[index].flat[1] = value
        yield grads


def r37_nan_gradient(rig: Rig) -> None:
    """One NaN in one gradient skips the step for all tensors."""
    for grads in spoiled(math.nan):
        skip_and_go_on(rig, RULES, grads, 1.0)


def r38_infinite_gradient(rig: Rig) -> None:
    """One infinity in one gradient, of either sign, skips the step for all tensors."""
    for value in (math.inf, -math.inf):
        for grads in spoiled(value):
            for run in started(rig):
                skip_step(run, grads, 1.0)


def r39_zero_gradients(rig: Rig) -> None:
    """Zero gradients from the start leave the parameters to the bit, without a division of 0 by 0."""
    for rule in RULES:
        run = rig.make(rule, no_decay(rule))
        before = run.params
        for _ in range(2):
            run.step(ZEROS, 1.0)
        assert run.skipped_steps == 0
        for one, other in zip(before, run.params, strict=True):
            np.testing.assert_array_equal(one, other, rule)
        assert all(np.isfinite(array).all() for array in run.state.values())


def r40_zero_gradients_at_the_bound(rig: Rig) -> None:
    """Zero gradients and a loss at its bound give the step size 0, not 0/0."""
    for rule in CUT:
        run = rig.make(rule, no_decay(rule))
        run.step(ZEROS, 0.0)
        assert run.info["step_size"] == 0
        assert run.skipped_steps == 0


def r41_zero_gradients_and_an_estimate(rig: Rig) -> None:
    """With zero gradients the estimated lower bound stays finite, and the next step moves."""
    for rule in ADAPTING:
        run = rig.make(rule, no_decay(rule, adapt_lower_bound=True))
        run.step(ZEROS, 1.0)
        assert math.isfinite(run.info["lower_bound"]), rule
        for _ in range(3):
            run.step(GRADS, 3.0)
        assert run.skipped_steps == 0, rule
        assert run.info["step_size"] > 0, rule


def r42_tiny_gradients(rig: Rig) -> None:
    """Gradients and losses 2^-40 times as large give the same steps to the bit: no absolute threshold."""
    tiny = 2.0**-40
    rates = {"momo": {"learning_rate": 1 / tiny}, "momo_adam": {"learning_rate": 0.25, "eps": 0.0}}
    for rule, scaled in rates.items():
        plain = rig.make(rule, {**scaled, "learning_rate": min(scaled["learning_rate"], 1.0)})
        run = rig.make(rule, scaled)
        for factor in (1.0, 0.5, 2.0):
            plain.step([factor * grad for grad in GRADS], factor)
            run.step([tiny * factor * grad for grad in GRADS], tiny * factor)
        for one, other in zip(plain.params, run.params, strict=True):
            np.testing.assert_array_equal(one, other, rule)
        assert not np.array_equal(run.params[0], START[0])


def r43_squares_that_underflow(rig: Rig) -> None:
    """Where the squared norm underflows to 0 the step size is 0, and nothing becomes NaN."""
    run = rig.make("momo", no_decay("momo"))
    run.step([1e-25 * grad for grad in GRADS], 1.0)
    assert run.info["step_size"] == 0
    assert run.skipped_steps == 0
    np.testing.assert_array_equal(run.params[0], START[0])
    walk(run)
    assert run.info["step_size"] > 0


def r44_squares_that_overflow(rig: Rig) -> None:
    """A squared norm beyond float32 skips the step and counts it, where others are silently stuck."""
    for run in started(rig):
        skip_step(run, [1e25 * grad for grad in GRADS], 1.0)


def r45_no_gradient_at_all(rig: Rig) -> None:
    """Without any gradient nothing changes and nothing is counted; Keras refuses such a call itself."""
    for run in started(rig):
        with unchanged(run):
            if rig.name.startswith("keras"):
                with pytest.raises(ValueError, match="[Nn]o gradients"):
                    run.step([None, None], 1.0)
            else:
                run.step([None, None], 1.0)
        assert run.skipped_steps == 0


def r46_no_gradient_for_some(rig: Rig) -> None:
    """A tensor without a gradient is neither moved nor averaged; the others go as if they were alone."""
    for rule in RULES:
        run, alone = rig.make(rule), rig.make(rule, params=START[1:])
        for factor in (1.0, 0.5):
            run.step([None, factor * GRADS[1]], 1.0)
            alone.step([factor * GRADS[1]], 1.0)
        np.testing.assert_array_equal(run.params[1], alone.params[0], rule)
        np.testing.assert_array_equal(run.params[0], START[0], rule)
        assert run.info == alone.info


def r47_late_gradient(rig: Rig) -> None:
    """A tensor whose first gradient comes late starts with averages of full weight, like the others."""
    start, ones = (np.zeros(2), np.zeros(2)), np.ones(2)
    steps = [Step((ones, late), 1.0) for late in (None, None, ones)]
    for rule in AVERAGING:
        run = rig.make(rule, no_decay(rule), start, dtype="float64")
        for step in steps:
            before = run.params
            run.step(step.grads, step.loss)
        early, late = (now - old for now, old in zip(run.params, before, strict=True))
        _, bound = problem_and_bound(rule, Problem(no_decay(rule), start), steps, "float64")
        # Of the two starts and ends of the moves, and two roundings of their difference.
        ends, difference = 2 * (bound[-1] + bound[-2]), 2 * gamma(1) * np.linalg.norm(early)
        assert np.linalg.norm(late - early) <= ends + difference, rule
        assert np.linalg.norm(late) > 2 * bound[-1], rule


def r51_sum_of_squares_beyond_float16(rig: Rig) -> None:
    """Sums and scalars of half precision are float32: 70 000 ones have the squared norm 70 000."""
    if "float16" in rig.dtypes:
        run = rig.make("momo", None, [np.ones(70_000)], dtype="float16")
        run.step([np.ones(70_000)], 35_000.0)
        assert run.info["step_size"] == 0.5
        np.testing.assert_array_equal(run.params[0], 0.5)


@only("torch", "jax", "keras")
def r52_scalars_of_bfloat16(rig: Rig) -> None:
    """With bfloat16 parameters averages, losses and weights are float32, whatever the loss is."""
    precise = 1 + 2.0**-20
    for rule in RULES:
        run = walk(rig.make(rule, dtype="bfloat16"))
        run.step(GRADS, rig.array(1.5, "bfloat16"))
        dtypes = {name: array.dtype for name, array in run.state.items() if array.dtype.kind == "f"}
        assert set(dtypes.values()) == {np.dtype("float32")}, rule
    run = rig.make("momo", {"learning_rate": 0.0}, dtype="bfloat16")
    run.step(GRADS, precise)
    assert run.info["predicted_loss"] == precise


def r53_everything_in_float64(rig: Rig) -> None:
    """With float64 parameters every average and scalar is float64, and the loss keeps all its digits."""
    precise = 1 + 2.0**-50
    for rule in RULES:
        run = walk(rig.make(rule, dtype="float64"))
        dtypes = {array.dtype for name, array in run.state.items() if _is_average_or_scalar(name, array)}
        assert dtypes == {np.dtype("float64")}, rule
    run = rig.make("momo", {"learning_rate": 0.0}, dtype="float64")
    run.step(GRADS, precise)
    assert run.info["predicted_loss"] == precise


def _is_average_or_scalar(name: str, array: np.ndarray) -> bool:
    """Not a count of steps, which PyTorch keeps as a float."""
    return array.dtype.kind == "f" and not name.startswith("step ")


def r54_scalars_and_empty_tensors(rig: Rig) -> None:
    """Tensors of shape () are tensors like others, and empty ones change nothing."""
    params, grads = [np.array(2.0), np.ones(3)], [np.array(0.5), np.full(3, -0.25)]
    for rule in RULES:
        run = rig.make(rule, params=[*params, np.zeros(0), np.zeros((2, 0))])
        plain = rig.make(rule, params=params)
        for loss in (1.0, 0.5):
            run.step([*grads, np.zeros(0), np.zeros((2, 0))], loss)
            plain.step(grads, loss)
        shapes = [param.shape for param in run.params]
        assert shapes == [(), (3,), (0,), (2, 0)], rule
        for one, other in zip(run.params, plain.params, strict=False):
            np.testing.assert_array_equal(one, other, rule)


@only("core")
def r55_arrays_in_any_order(rig: Rig) -> None:
    """Arrays of NumPy in any order of memory, and views, are the same numbers."""
    for rule in CUT:
        plain = rig.make(rule)
        views = rig.make(rule, params=[np.asfortranarray(START[0], np.float32), _reversed(START[1])])
        plain.step(GRADS, 2.0)
        views.step([np.asfortranarray(GRADS[0]), GRADS[1]], 2.0)
        assert_same(plain.snapshot(), views.snapshot())


def _reversed(array: np.ndarray) -> np.ndarray:
    """The same numbers, with a negative stride."""
    return array[::-1].astype(np.float32)[::-1]


def r56_mixed_dtypes(rig: Rig) -> None:
    """Parameters keep their dtypes, averages are at least float32, scalars are of the widest."""
    for rule in RULES:
        for wide in ("float32", "float64"):
            run = walk(rig.make(rule, dtype=("float16", wide)))
            np.testing.assert_array_equal(run.params[0], np.float16(run.params[0]))
            weight = next(array for name, array in run.state.items() if "weight" in name)
            assert weight.dtype == np.dtype(wide)
            assert run.skipped_steps == 0


def r61_gradient_of_another_shape(rig: Rig) -> None:
    """A gradient of another shape than its parameter is an error before anything is written."""
    for run in started(rig):
        with unchanged(run), pytest.raises((ValueError, RuntimeError)):
            run.step([GRADS[0], np.ones(2)], 1.0)
        with unchanged(run), pytest.raises((ValueError, RuntimeError)):
            run.step([np.ones((2, 2, 1)), GRADS[1]], 1.0)


@only("core", "jax", "keras")
def r61_another_number_of_gradients(rig: Rig) -> None:
    """Fewer gradients than parameters are a ValueError before anything is written."""
    for run in started(rig):
        with unchanged(run), pytest.raises(ValueError, match="."):
            run.step(GRADS[:1], 1.0)


def r62_error_in_the_middle(rig: Rig) -> None:
    """An error in the middle of a step, memory for example, leaves parameters and state as they were."""
    apply, calls = phases.apply, []

    def failing(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError("no memory for the second tensor")
        return apply(*arguments, **options)

    for run in started(rig):
        calls.clear()
        with pytest.MonkeyPatch.context() as patch, unchanged(run):
            patch.setattr(phases, "apply", failing)
            with pytest.raises(MemoryError, match="second tensor"):
                run.step(GRADS, 1.0)
        run.step(GRADS, 1.0)
        assert not run.info["skipped"]


def r50_complex_parameters(rig: Rig) -> None:
    """Complex parameters are a TypeError when the optimizer is made or built."""
    for rule in RULES:
        with pytest.raises((TypeError, ValueError), match="real floating|complex"):
            rig.make(rule, params=[rig.array([1j, 2.0], "complex64")])


@only("keras-tensorflow")
def r49_slices_of_an_embedding(rig: Rig) -> None:
    """The rows that an embedding of TensorFlow has looked up are the dense gradient, to the bit."""
    import tensorflow as tf

    for rule in RULES:
        run, dense = walk(rig.make(rule)), walk(rig.make(rule))
        rows = tf.IndexedSlices(rig.array([[1.0, 2.0], [0.5, 1.0]]), tf.constant([1, 1]), tf.constant([2, 2]))
        run.step([rows, GRADS[1]], 1.0)
        dense.step([np.array([[0.0, 0.0], [1.5, 3.0]]), GRADS[1]], 1.0)
        assert_same(run.snapshot(), dense.snapshot())

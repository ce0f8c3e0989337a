"""R01 to R23: settings of an optimizer, each of every rule that has it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from conformance_tests.cases import only
from conformance_tests.rigs import CUT, RULES, START, Rig, assert_same, unchanged
from momo_core import InvalidTypeError, InvalidValueError
from momo_spec import load_spec, spec_names
from momo_spec.load import Hyper

NAN, INF = math.nan, math.inf
TEXT_NONE_COMPLEX = ("0.1", None, 1j)
REFUSED = (TypeError, RuntimeError)
"""The second is PyTorch's word, where it is asked first."""

GRADS = [np.ones_like(param) for param in START]


def rules_with(name: str) -> Iterator[tuple[str, Hyper]]:
    """Rules with a hyper-parameter that a user may set to more than one value."""
    for rule in spec_names():
        hyper = load_spec(rule).hyper.get(name)
        if hyper is not None and not hyper.internal and hyper.domain != "[0, 0]":
            yield rule, hyper


def momenta() -> Iterator[tuple[str, Hyper]]:
    """Rules with each of their momentum coefficients below 1."""
    for name in ("beta", "beta1", "beta2", "beta_max"):
        yield from ((rule, hyper) for rule, hyper in rules_with(name) if hyper.domain == "[0, 1)")


def refuse_values(rig: Rig, name: str, values: Sequence[float], message: str) -> None:
    for rule, hyper in rules_with(name):
        for value in values:
            refuse_value(rig, rule, hyper, value, message)


def refuse_value(rig: Rig, rule: str, hyper: Hyper, value: float, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        rig.make(rule, {hyper.name: value})
    assert str(caught.value).startswith(f"{message}{value} ")
    assert caught.value.code == f"{hyper.code}_RANGE"


def refuse_types(rig: Rig, name: str, values: Sequence[Any]) -> None:
    for rule, hyper in rules_with(name):
        for value in values:
            with pytest.raises(InvalidTypeError, match=f"{name} must be a real number") as caught:
                rig.make(rule, {name: value})
            assert caught.value.code == f"{hyper.code}_TYPE"


def r01_negative_learning_rate(rig: Rig) -> None:
    """A negative learning rate is a ValueError that names it."""
    refuse_values(rig, "learning_rate", (-1.0, -1e-300, -INF), "Invalid learning rate: ")


def r02_nan_learning_rate(rig: Rig) -> None:
    """A learning rate of NaN is a ValueError: comparisons are written so that NaN fails them."""
    refuse_values(rig, "learning_rate", (NAN,), "Invalid learning rate: ")


def r03_infinite_learning_rate(rig: Rig) -> None:
    """An infinite rate is the pure Polyak step; with weight decay, or without a loss, a ValueError."""
    for rule in CUT:
        run = rig.make(rule, {"learning_rate": INF, "weight_decay": 0.0})
        run.step(GRADS, 2.0)
        assert run.skipped_steps == 0, rule
        assert 0 < run.info["step_size"] < INF, rule
        assert all(np.isfinite(param).all() for param in run.params), rule
    run = rig.make("momo", {"learning_rate": INF})
    run.step(GRADS, 3.5)
    assert run.info["step_size"] == 0.5  # loss / |gradient|^2 = 3.5 / 7
    for rule, _ in rules_with("weight_decay"):
        with pytest.raises(InvalidValueError, match="Invalid learning rate: inf"):
            rig.make(rule, {"learning_rate": INF, "weight_decay": 0.1})
    for rule, hyper in rules_with("learning_rate"):
        if not load_spec(rule).needs_loss:
            refuse_value(rig, rule, hyper, INF, "Invalid learning rate: ")


def r04_learning_rate_of_another_type(rig: Rig) -> None:
    """A learning rate that is text, None or complex is a TypeError when the optimizer is made."""
    refuse_types(rig, "learning_rate", TEXT_NONE_COMPLEX)


def r05_true_and_zero_learning_rate(rig: Rig) -> None:
    """True is no number, so a TypeError; 0 is a learning rate, and leaves parameters to the bit."""
    refuse_types(rig, "learning_rate", (True, np.bool_(True)))
    for rule in RULES:
        run = rig.make(rule, {"learning_rate": 0.0})
        before = run.params
        run.step(GRADS, 2.0)
        for one, other in zip(before, run.params, strict=True):
            np.testing.assert_array_equal(one, other, rule)


def r06_learning_rate_with_two_elements(rig: Rig) -> None:
    """A learning rate with two elements is a TypeError; an array of one element is a number."""
    refuse_types(rig, "learning_rate", (np.ones(2), rig.array([1.0, 1.0]), [0.5, 0.5]))
    for rate in (np.array(0.5), np.array([0.5]), rig.array(0.5)):
        run, plain = rig.make("momo", {"learning_rate": rate}), rig.make("momo", {"learning_rate": 0.5})
        run.step(GRADS, 2.0)
        plain.step(GRADS, 2.0)
        assert_same(run.snapshot(), plain.snapshot())


def r07_negative_weight_decay(rig: Rig) -> None:
    """A negative weight decay is a ValueError that names it."""
    refuse_values(rig, "weight_decay", (-1.0, -INF), "Invalid weight_decay value: ")


def r08_weight_decay_not_finite(rig: Rig) -> None:
    """A weight decay that is NaN or infinite is a ValueError."""
    refuse_values(rig, "weight_decay", (NAN, INF), "Invalid weight_decay value: ")


def r09_weight_decay_of_another_type(rig: Rig) -> None:
    """A weight decay of another type is a TypeError; only in Keras does None stand for 0."""
    refuse_types(rig, "weight_decay", ("0.1", 1j, True))
    if rig.name.startswith("keras"):
        run, plain = (rig.make("momo", {"weight_decay": value}) for value in (None, 0.0))
        run.step(GRADS, 2.0)
        plain.step(GRADS, 2.0)
        assert_same(run.snapshot(), plain.snapshot())
    else:
        refuse_types(rig, "weight_decay", (None,))


def r10_bad_eps(rig: Rig) -> None:
    """An eps that is negative, NaN or infinite is a ValueError; 0 is allowed."""
    refuse_values(rig, "eps", (-1.0, NAN, INF), "Invalid epsilon value: ")
    refuse_types(rig, "eps", TEXT_NONE_COMPLEX)
    run = rig.make("momo_adam", {"eps": 0.0})
    run.step(GRADS, 2.0)
    assert run.skipped_steps == 0


def r11_momentum_of_one(rig: Rig) -> None:
    """A momentum coefficient of 1, which would never look at a gradient, is a ValueError."""
    for rule, hyper in momenta():
        refuse_value(rig, rule, hyper, 1.0, hyper.message.format(value=""))


def r12_momentum_out_of_range(rig: Rig) -> None:
    """A momentum coefficient below 0 or above 1 is a ValueError with PyTorch's words."""
    for rule, hyper in momenta():
        for value in (-0.1, 1.1, 2.0):
            refuse_value(rig, rule, hyper, value, hyper.message.format(value=""))
    with pytest.raises(InvalidValueError, match="Invalid beta parameter at index 0: 1.1"):
        rig.make("adam", {"beta1": 1.1})


def r13_nan_momentum(rig: Rig) -> None:
    """A momentum coefficient that is NaN is a ValueError."""
    for rule, hyper in momenta():
        refuse_value(rig, rule, hyper, NAN, hyper.message.format(value=""))


@only("torch")
def r14_betas_that_are_no_pair(rig: Rig) -> None:
    """Betas that are one number are a TypeError, three are a ValueError."""
    cls = type(rig.make("adam").optimizer)  # type: ignore[attr-defined]
    params = [rig.array([1.0]).requires_grad_()]
    for betas, error in ((0.9, InvalidTypeError), ((0.9,), ValueError), ((0.9,) * 3, ValueError)):
        with pytest.raises(error, match="betas must be a pair") as caught:
            cls(params, betas=betas)
        assert caught.value.code.startswith("E_BETAS_")


def r15_bad_lower_bound(rig: Rig) -> None:
    """A lower bound of NaN or infinity is a ValueError, None or text a TypeError; -infinity is none."""
    refuse_values(rig, "lower_bound", (NAN, INF), "Invalid lower_bound: ")
    refuse_types(rig, "lower_bound", TEXT_NONE_COMPLEX)
    run = rig.make("momo", {"lower_bound": -INF, "learning_rate": 0.25})
    run.step(GRADS, 2.0)
    assert run.info["step_size"] == 0.25
    for rule, _ in rules_with("adapt_lower_bound"):
        with pytest.raises(InvalidValueError, match="Invalid lower_bound: -inf"):
            rig.make(rule, {"lower_bound": -INF, "adapt_lower_bound": True})


def r16_unknown_keyword(rig: Rig) -> None:
    """An unknown keyword is a TypeError, in Keras a ValueError as for every optimizer there."""
    error = ValueError if rig.name.startswith("keras") else TypeError
    for rule in RULES:
        with pytest.raises(error, match="foo"):
            rig.make(rule, foo=1)


@only("core", "torch")
def r17_no_parameters(rig: Rig) -> None:
    """An empty list of parameters is a ValueError, before anything is built."""
    for rule in RULES:
        with pytest.raises(ValueError, match="no parameters|empty parameter list"):
            rig.make(rule, params=[])


@only("jax")
def r17_empty_tree(rig: Rig) -> None:
    """A tree without leaves has a state, which optax asks for, and a step with it changes nothing."""
    for rule in RULES:
        run = rig.make(rule, params=[])
        with unchanged(run):
            run.step([], 2.0)


def r22_integer_parameters(rig: Rig) -> None:
    """Integer and bool parameters are a TypeError, where others would round each step to nothing."""
    for rule in RULES:
        for dtype in ("int32", "bool"):
            with pytest.raises(REFUSED, match="real floating|Only Tensors of floating point"):
                rig.make(rule, params=[rig.array([1, 0], dtype)])


@only("keras")
def r23_options_that_exclude_each_other(rig: Rig) -> None:
    """Options of Keras that exclude each other, or are out of range, are a ValueError as in Keras."""
    for options in (
        {"clipnorm": 1.0, "global_clipnorm": 1.0},
        {"gradient_accumulation_steps": 1},
        {"use_ema": True, "ema_momentum": 2.0},
    ):
        with pytest.raises(ValueError, match=next(reversed(options))):
            rig.make("momo", **options)

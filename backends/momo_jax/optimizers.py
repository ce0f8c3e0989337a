"""The optimizers.  Generated from the specification by `momo generate`; edit its template."""

import optax
from jax.typing import ArrayLike

from .adapter import transformation

__all__ = ["momo", "momo_adam"]


def momo(
    learning_rate: optax.ScalarOrSchedule = 1.0,
    beta: ArrayLike = 0.9,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    bias_correction: bool = False,
    reset_margin: ArrayLike = 0.0,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo.

    SGD with momentum whose step is the Polyak step of an averaged model of the loss, capped by the
    learning rate.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta : float, in [0, 1) [1]
        Momentum: the weight of the past in the averages of losses and gradients.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step of the paper); False
        multiplies by 1 - learning_rate * weight_decay (the form of AdamW).
    bias_correction : bool
        True starts the averages at zero and corrects for their weight; False starts them at the
        first sample.
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite: change nothing
        and count it; raise FloatingPointError, outside of jit only; nothing.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is a `MomoState`.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If a hyper-parameter is of the wrong type or outside of its domain.

    Source
    ------
    spec/optimizers/momo.toml; Schaipp, Ohana, Eickenberg, Defazio, Gower: MoMo: Momentum Models for
    Adaptive Learning Rates, ICML 2024, arXiv 2305.07583, eq. (15)-(16).
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta": beta,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "bias_correction": bias_correction,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation("momo", hyper, schedulable=schedulable, on_nonfinite=on_nonfinite)


def momo_adam(
    learning_rate: optax.ScalarOrSchedule = 0.01,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-08,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo-Adam.

    Adam whose step is the Polyak step of an averaged model of the loss in Adam's metric, capped by
    the learning rate.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    b1 : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    b2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step of the paper); False
        multiplies by 1 - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite: change nothing
        and count it; raise FloatingPointError, outside of jit only; nothing.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is a `MomoState`.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If a hyper-parameter is of the wrong type or outside of its domain.

    Source
    ------
    spec/optimizers/momo_adam.toml; Schaipp, Ohana, Eickenberg, Defazio, Gower: MoMo: Momentum
    Models for Adaptive Learning Rates, ICML 2024, arXiv 2305.07583, eq. (15)-(16) with D_k = eps +
    sqrt(v_k / (1 - beta2^k)).
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta1": b1,
        "beta2": b2,
        "eps": eps,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation("momo_adam", hyper, schedulable=schedulable, on_nonfinite=on_nonfinite)

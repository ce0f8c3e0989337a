"""The optimizers.  Generated from the specification by `momo generate`; edit its template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jax.typing import ArrayLike

from .adapter import transformation
from .groups import Mask

if TYPE_CHECKING:
    import optax

__all__ = [
    "adam",
    "adamw",
    "am_adamw",
    "am_sgd",
    "fsgdm",
    "momo",
    "momo_adagrad",
    "momo_adam",
    "momo_adam_tied",
    "momo_am",
    "momo_am_adam",
    "momo_amsgrad",
    "momo_fsgdm",
    "momo_rmsprop",
    "schedule_free_sps",
    "sgdm",
    "sps",
]


def adam(
    learning_rate: optax.ScalarOrSchedule = 0.001,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-08,
    weight_decay: ArrayLike = 0.0,
    *,
    proximal_decay: bool = True,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    Adam.

    Adam: MoMo-Adam without its model of the loss.
    Call: ``update(grads, state, params)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param], or a schedule
        Factor of the direction in a step.
    b1 : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    b2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/adam.toml; Kingma and Ba, ICLR 2015, arXiv 1412.6980; Schaipp et al., ICML 2024,
    arXiv 2305.07583, the base optimizer of MoMo-Adam.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta1": b1,
        "beta2": b2,
        "eps": eps,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "adam",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def adamw(
    learning_rate: optax.ScalarOrSchedule = 0.001,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-08,
    weight_decay: ArrayLike = 0.01,
    *,
    proximal_decay: bool = False,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    AdamW.

    Adam with decoupled weight decay.
    Call: ``update(grads, state, params)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param], or a schedule
        Factor of the direction in a step.
    b1 : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    b2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/adamw.toml; Loshchilov and Hutter, ICLR 2019, arXiv 1711.05101.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta1": b1,
        "beta2": b2,
        "eps": eps,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "adamw",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def am_adamw(
    learning_rate: optax.ScalarOrSchedule = 0.001,
    b1: ArrayLike = 0.89,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-08,
    weight_decay: ArrayLike = 0.01,
    lambd: ArrayLike = 0.1,
    *,
    proximal_decay: bool = False,
    metric_penalty: bool = False,
    beta_scope: str = "tensor",
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    AM-AdamW.

    AdamW whose momentum coefficient adapts itself, one for each tensor or one for all.
    Call: ``update(grads, state, params)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param], or a schedule
        Factor of the direction in a step.
    b1 : float, in [0, 1) [1]
        Largest momentum coefficient.
    b2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    lambd : float, in [0, inf) [param/loss, with metric_penalty 1]
        Weight of the penalty on a change of the direction.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    metric_penalty : bool
        Measure the change of the direction in the metric of the step, which makes the optimizer
        equivariant to the scale of the loss.
    beta_scope : "global" or "tensor"
        One momentum coefficient for all tensors, or one for each.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/am_adamw.toml; arXiv 2510.04988, AISTATS 2026 (AM-AdamW), in the form without
    cancellation.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta_max": b1,
        "beta2": b2,
        "eps": eps,
        "weight_decay": weight_decay,
        "lambd": lambd,
        "proximal_decay": proximal_decay,
        "metric_penalty": metric_penalty,
        "beta_scope": beta_scope,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "am_adamw",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def am_sgd(
    learning_rate: optax.ScalarOrSchedule = 0.1,
    beta_max: ArrayLike = 0.9,
    lambd: ArrayLike = 0.1,
    weight_decay: ArrayLike = 0.0,
    *,
    proximal_decay: bool = False,
    beta_scope: str = "global",
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    AM-SGD.

    SGD with momentum whose momentum coefficient adapts itself: the proximal step of the larger of
    two linear models of the loss.
    Call: ``update(grads, state, params)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param^2/loss], or a schedule
        Factor of the direction in a step.
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta_scope : "global" or "tensor"
        One momentum coefficient for all tensors, or one for each.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/am_sgd.toml; arXiv 2510.04988, AISTATS 2026 (AM-MSGD), in the form without
    cancellation.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta_max": beta_max,
        "lambd": lambd,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta_scope": beta_scope,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "am_sgd",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def fsgdm(
    learning_rate: optax.ScalarOrSchedule = 0.1,
    total_steps: ArrayLike = 1000.0,
    growth: ArrayLike = 0.033,
    stages: ArrayLike = 300.0,
    weight_decay: ArrayLike = 0.0,
    *,
    proximal_decay: bool = True,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    FSGDM.

    Heavy-ball SGD whose momentum coefficient grows from 0 in stages, by the share of the run that
    is done.
    Call: ``update(grads, state, params)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param^2/loss], or a schedule
        Factor of the direction in a step.
    total_steps : float, in [1, inf) [1]
        Number of steps of the whole run, a whole number.
    growth : float, in (0, inf) [1]
        Share of the run after which the momentum coefficient is 1/2.
    stages : float, in [1, inf) [1]
        Number of stages of the run, a whole number; a stage has at least one step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/fsgdm.toml; arXiv 2411.19671, second-hand: u(t) = t / (t + mu), held constant in
    each stage.
    """
    hyper = {
        "learning_rate": learning_rate,
        "total_steps": total_steps,
        "growth": growth,
        "stages": stages,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "fsgdm",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


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
    weight_decay_mask: Mask = None,
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
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    bias_correction : bool
        True starts the averages at zero and corrects for their weight; False starts them at the
        first sample.
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    return transformation(
        "momo",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def momo_adagrad(
    learning_rate: optax.ScalarOrSchedule = 0.1,
    beta: ArrayLike = 0.9,
    eps: ArrayLike = 1e-08,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo-AdaGrad.

    The Polyak step of the averaged model in the metric of AdaGrad, capped by the learning rate.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root, outside of it.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/momo_adagrad.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(sum of the squared gradients).
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta": beta,
        "eps": eps,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "momo_adagrad",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


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
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo-Adam.

    Adam whose step is the Polyak step of an averaged model of the loss in Adam's metric, capped by
    the learning rate.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param], or a schedule
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
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    return transformation(
        "momo_adam",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def momo_adam_tied(
    learning_rate: optax.ScalarOrSchedule = 0.01,
    beta: ArrayLike = 0.95,
    eps: ArrayLike = 1e-08,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo-Adam with one beta.

    MoMo-Adam with beta1 = beta2: one weight corrects both averages.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root, outside of it.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/momo_adam_tied.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with beta1 =
    beta2; Orvieto and Gower, arXiv 2505.21829.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta": beta,
        "eps": eps,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "momo_adam_tied",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def momo_am(
    learning_rate: optax.ScalarOrSchedule = 1.0,
    beta_max: ArrayLike = 0.9,
    lambd: ArrayLike = 0.1,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo with adaptive momentum.

    AM-SGD chooses the momentum, MoMo the step: each keeps what is proved of it.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/momo_am.toml; Derived here: Schaipp et al., ICML 2024, arXiv 2305.07583, whose
    analysis allows any beta_k in [0, 1], with the beta_k of arXiv 2510.04988.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta_max": beta_max,
        "lambd": lambd,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "momo_am",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def momo_am_adam(
    learning_rate: optax.ScalarOrSchedule = 0.01,
    beta_max: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-08,
    lambd: ArrayLike = 0.1,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo-Adam with adaptive momentum.

    The momentum of AM in the metric of Adam, with a scalar penalty, and the step of MoMo.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    b2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/momo_am_adam.toml; Derived here: Schaipp et al., ICML 2024, arXiv 2305.07583,
    whose analysis allows any beta_k in [0, 1], with the beta_k of arXiv 2510.04988 in the metric
    D_k.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta_max": beta_max,
        "beta2": b2,
        "eps": eps,
        "lambd": lambd,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "momo_am_adam",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def momo_amsgrad(
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
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo-AMSGrad.

    MoMo-Adam in the metric of AMSGrad, which never shrinks.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param], or a schedule
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
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/momo_amsgrad.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(max_i v_i / (1 - beta2^i)); Reddi, Kale, Kumar, ICLR 2018.
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
    return transformation(
        "momo_amsgrad",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def momo_fsgdm(
    learning_rate: optax.ScalarOrSchedule = 1.0,
    total_steps: ArrayLike = 1000.0,
    growth: ArrayLike = 0.033,
    stages: ArrayLike = 300.0,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo with the momentum of FSGDM.

    The weights of FSGDM in MoMo's averages: their sum is not 1, and the model accounts for it.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    total_steps : float, in [1, inf) [1]
        Number of steps of the whole run, a whole number.
    growth : float, in (0, inf) [1]
        Share of the run after which the momentum coefficient is 1/2.
    stages : float, in [1, inf) [1]
        Number of stages of the run, a whole number; a stage has at least one step.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/momo_fsgdm.toml; Derived here: arXiv 2305.07583 for any weights, with those of
    arXiv 2411.19671.
    """
    hyper = {
        "learning_rate": learning_rate,
        "total_steps": total_steps,
        "growth": growth,
        "stages": stages,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "momo_fsgdm",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def momo_rmsprop(
    learning_rate: optax.ScalarOrSchedule = 0.01,
    b2: ArrayLike = 0.99,
    eps: ArrayLike = 1e-08,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    MoMo-RMSProp.

    The Polyak step in the metric of RMSProp, capped by the learning rate: MoMo-Adam without
    averaging the gradients.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
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
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/momo_rmsprop.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(v_k / (1 - beta2^k)) and beta1 = 0.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta2": b2,
        "eps": eps,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "momo_rmsprop",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def schedule_free_sps(
    learning_rate: optax.ScalarOrSchedule = 1.0,
    beta: ArrayLike = 0.9,
    lower_bound: ArrayLike = 0.0,
    *,
    weight_decay: ArrayLike = 0.0,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    Schedule-free SPS.

    Schedule-free SGD with a Polyak step: the parameters are where the gradient is taken, `average`
    is what to use after training.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], or a schedule
        Cap of the step; inf is the uncapped Polyak step.
    beta : float, in [0, 1] [1]
        Where the gradient is taken: 0 is the fast sequence, 1 its average.
    lower_bound : float, in (-inf, inf) [loss]
        Lower bound of the loss.
    weight_decay : float, in [0, 0] [1/learning_rate]
        Must be 0: the rule has no weight decay.
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
    spec/optimizers/schedule_free_sps.toml; Derived here from the Polyak step and arXiv 2405.15682
    (schedule-free); the averaging weights step_size / sum of step sizes stand in for those of arXiv
    2511.07767, which were not found.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta": beta,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "schedule_free_sps",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
    )


def sgdm(
    learning_rate: optax.ScalarOrSchedule = 0.1,
    beta: ArrayLike = 0.9,
    weight_decay: ArrayLike = 0.0,
    bias_correction: bool = False,
    *,
    proximal_decay: bool = True,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    SGD-M.

    SGD with momentum as an average of the gradients: MoMo without its model of the loss.
    Call: ``update(grads, state, params)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param^2/loss], or a schedule
        Factor of the direction in a step.
    beta : float, in [0, 1) [1]
        Momentum: the weight of the past in the averages of losses and gradients.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    bias_correction : bool
        True starts the averages at zero and corrects for their weight; False starts them at the
        first sample.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/sgdm.toml; torch.optim.SGD with momentum = dampening = beta; Schaipp et al.,
    ICML 2024, arXiv 2305.07583, the base optimizer of MoMo.
    """
    hyper = {
        "learning_rate": learning_rate,
        "beta": beta,
        "weight_decay": weight_decay,
        "bias_correction": bias_correction,
        "proximal_decay": proximal_decay,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "sgdm",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )


def sps(
    learning_rate: optax.ScalarOrSchedule = 1.0,
    lower_bound: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    adapt_lower_bound: bool = False,
    *,
    proximal_decay: bool = True,
    reset_margin: ArrayLike = 0.0,
    weight_decay_mask: Mask = None,
    on_nonfinite: str = "skip",
) -> optax.GradientTransformationExtraArgs:
    """
    SPS.

    The stochastic Polyak step, capped by the learning rate: MoMo without momentum.
    The step needs the loss: ``update(grads, state, params, value=loss)``.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], or a schedule
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay: of the structure of the parameters or of a prefix of it, or a function
        of the parameters that returns one.  The others are in the sums and take the same step.
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
    spec/optimizers/sps.toml; Loizou et al., AISTATS 2021, arXiv 2002.10542 (SPS_max); with weight
    decay ProxSPS, arXiv 2301.04935.
    """
    hyper = {
        "learning_rate": learning_rate,
        "lower_bound": lower_bound,
        "weight_decay": weight_decay,
        "adapt_lower_bound": adapt_lower_bound,
        "proximal_decay": proximal_decay,
        "reset_margin": reset_margin,
    }
    schedulable = ["learning_rate"]
    return transformation(
        "sps",
        hyper,
        schedulable=schedulable,
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )

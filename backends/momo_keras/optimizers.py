"""The optimizers by name.  Generated from the specification by `momo generate`; edit its template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Unpack

import keras

from .adapter import ModelBasedOptimizer
from .options import KerasOptions

__all__ = ["Momo", "MomoAdam"]


@keras.saving.register_keras_serializable(package="momo_keras")
class Momo(ModelBasedOptimizer):
    """
    MoMo.

    SGD with momentum whose step is the Polyak step of an averaged model of the loss, capped by the
    learning rate.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], a LearningRateSchedule or a callable without arguments
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta : float, in [0, 1) [1]
        Momentum: the weight of the past in the averages of losses and gradients.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    weight_decay : float, in [0, inf) [1/learning_rate], or None for 0
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
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
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" works eagerly only.
    **options
        ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``, ``ema_momentum``,
        ``ema_overwrite_frequency``, ``loss_scale_factor``, ``gradient_accumulation_steps``
        and ``name`` of every Keras optimizer.

    Raises
    ------
    ValueError
        If a setting is outside of its domain.
    TypeError
        If a setting has the wrong type.

    Source
    ------
    spec/optimizers/momo.toml; Schaipp, Ohana, Eickenberg, Defazio, Gower: MoMo: Momentum Models for
    Adaptive Learning Rates, ICML 2024, arXiv 2305.07583, eq. (15)-(16).
    """

    rule_name = "momo"
    names: ClassVar[dict[str, str]] = {
        "learning_rate": "learning_rate",
        "beta": "beta",
        "lower_bound": "lower_bound",
        "adapt_lower_bound": "adapt_lower_bound",
        "weight_decay": "weight_decay",
        "proximal_decay": "proximal_decay",
        "bias_correction": "bias_correction",
        "reset_margin": "reset_margin",
    }

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 1.0,
        beta: float = 0.9,
        lower_bound: float = 0.0,
        adapt_lower_bound: bool = False,
        weight_decay: float | None = None,
        *,
        proximal_decay: bool = True,
        bias_correction: bool = False,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        **options: Unpack[KerasOptions],
    ) -> None:
        settings = {
            "learning_rate": learning_rate,
            "beta": beta,
            "lower_bound": lower_bound,
            "adapt_lower_bound": adapt_lower_bound,
            "weight_decay": weight_decay,
            "proximal_decay": proximal_decay,
            "bias_correction": bias_correction,
            "reset_margin": reset_margin,
        }
        super().__init__(settings, on_nonfinite, options)


@keras.saving.register_keras_serializable(package="momo_keras")
class MomoAdam(ModelBasedOptimizer):
    """
    MoMo-Adam.

    Adam whose step is the Polyak step of an averaged model of the loss in Adam's metric, capped by
    the learning rate.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss], a LearningRateSchedule or a callable without arguments
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta_1 : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    beta_2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    epsilon : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    weight_decay : float, in [0, inf) [1/learning_rate], or None for 0
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step of the paper); False
        multiplies by 1 - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" works eagerly only.
    **options
        ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``, ``ema_momentum``,
        ``ema_overwrite_frequency``, ``loss_scale_factor``, ``gradient_accumulation_steps``
        and ``name`` of every Keras optimizer.

    Raises
    ------
    ValueError
        If a setting is outside of its domain.
    TypeError
        If a setting has the wrong type.

    Source
    ------
    spec/optimizers/momo_adam.toml; Schaipp, Ohana, Eickenberg, Defazio, Gower: MoMo: Momentum
    Models for Adaptive Learning Rates, ICML 2024, arXiv 2305.07583, eq. (15)-(16) with D_k = eps +
    sqrt(v_k / (1 - beta2^k)).
    """

    rule_name = "momo_adam"
    names: ClassVar[dict[str, str]] = {
        "learning_rate": "learning_rate",
        "beta_1": "beta1",
        "beta_2": "beta2",
        "epsilon": "eps",
        "lower_bound": "lower_bound",
        "adapt_lower_bound": "adapt_lower_bound",
        "weight_decay": "weight_decay",
        "proximal_decay": "proximal_decay",
        "reset_margin": "reset_margin",
    }

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-08,
        lower_bound: float = 0.0,
        adapt_lower_bound: bool = False,
        weight_decay: float | None = None,
        *,
        proximal_decay: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        **options: Unpack[KerasOptions],
    ) -> None:
        settings = {
            "learning_rate": learning_rate,
            "beta_1": beta_1,
            "beta_2": beta_2,
            "epsilon": epsilon,
            "lower_bound": lower_bound,
            "adapt_lower_bound": adapt_lower_bound,
            "weight_decay": weight_decay,
            "proximal_decay": proximal_decay,
            "reset_margin": reset_margin,
        }
        super().__init__(settings, on_nonfinite, options)

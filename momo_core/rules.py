"""The optimizers by name.  Generated from the specification by `momo generate`; edit its template."""

from __future__ import annotations

from . import adam, momentum
from .model import CUT
from .rule import Kind, Rule
from .validate import Constraint, HyperDomain, HyperTable

KINDS: dict[str, Kind] = {
    "momo": Kind(
        "momo",
        momentum.DIRECTION,
        CUT,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=1.0,
                    domain="[0, inf]",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                ),
                "beta": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter: {value}",
                    code="E_BETA",
                    internal=False,
                ),
                "bias_correction": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_BIAS_CORRECTION",
                    internal=False,
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                ),
            },
            constraints=(
                Constraint(
                    when="learning_rate == inf",
                    require="weight_decay == 0",
                    message="Invalid learning rate: inf needs weight_decay == 0",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
                Constraint(
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
            ),
        ),
    ),
    "momo_adam": Kind(
        "momo_adam",
        adam.DIRECTION,
        CUT,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.01,
                    domain="[0, inf]",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                ),
                "beta1": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 0: {value}",
                    code="E_BETA1",
                    internal=False,
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.999,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                ),
            },
            constraints=(
                Constraint(
                    when="learning_rate == inf",
                    require="weight_decay == 0",
                    message="Invalid learning rate: inf needs weight_decay == 0",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
                Constraint(
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
            ),
        ),
    ),
}
"""Every optimizer of the specification."""


def momo(
    *,
    learning_rate: float = 1.0,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta: float = 0.9,
    bias_correction: bool = False,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo.

    SGD with momentum whose step is the Polyak step of an averaged model of the loss, capped by the
    learning rate.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step of the paper); False
        multiplies by 1 - learning_rate * weight_decay (the form of AdamW).
    beta : float, in [0, 1) [1]
        Momentum: the weight of the past in the averages of losses and gradients.
    bias_correction : bool
        True starts the averages at zero and corrects for their weight; False starts them at the
        first sample.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    authors_numerator : bool
        With proximal_decay False: keep the numerator of the proximal step, as the authors' code
        does. For parity tests.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.

    Returns
    -------
    Rule

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
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta": beta,
        "bias_correction": bias_correction,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
        "reset_margin": reset_margin,
        "authors_numerator": authors_numerator,
    }
    return KINDS["momo"].checked_rule(hyper, on_nonfinite)


def momo_adam(
    *,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo-Adam.

    Adam whose step is the Polyak step of an averaged model of the loss in Adam's metric, capped by
    the learning rate.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step of the paper); False
        multiplies by 1 - learning_rate * weight_decay (the form of AdamW).
    beta1 : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    beta2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lower_bound : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    adapt_lower_bound : bool
        Estimate the lower bound on the way (MoMo*).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    authors_numerator : bool
        With proximal_decay False: keep the numerator of the proximal step, as the authors' code
        does. For parity tests.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.

    Returns
    -------
    Rule

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
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta1": beta1,
        "beta2": beta2,
        "eps": eps,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
        "reset_margin": reset_margin,
        "authors_numerator": authors_numerator,
    }
    return KINDS["momo_adam"].checked_rule(hyper, on_nonfinite)

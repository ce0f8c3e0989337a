"""The optimizers by name.  Generated from the specification by `momo generate`; edit its template."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.optim.optimizer import ParamsT

from .adapter import ModelBasedOptimizer
from .settings import Names

__all__ = ["Momo", "MomoAdam"]


class Momo(ModelBasedOptimizer):
    """
    MoMo.

    SGD with momentum whose step is the Polyak step of an averaged model of the loss, capped by the
    learning rate.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    beta : float, in [0, 1) [1]
        Momentum: the weight of the past in the averages of losses and gradients.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    bias_correction : bool
        True starts the averages at zero and corrects for their weight; False starts them at the
        first sample.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step of the paper); False
        multiplies by 1 - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks over which the loss is averaged; the default group where one is initialised.

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
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "weight_decay": ("weight_decay",),
        "beta": ("beta",),
        "lb": ("lower_bound",),
        "bias_correction": ("bias_correction",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        weight_decay: float = 0.0,
        beta: float = 0.9,
        lb: float = 0.0,
        bias_correction: bool = False,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
    ) -> None:
        hyper = {
            "lr": lr,
            "weight_decay": weight_decay,
            "beta": beta,
            "lb": lb,
            "bias_correction": bias_correction,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(params, hyper, on_nonfinite=on_nonfinite, process_group=process_group)


class MomoAdam(ModelBasedOptimizer):
    """
    MoMo-Adam.

    Adam whose step is the Polyak step of an averaged model of the loss in Adam's metric, capped by
    the learning rate.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    betas : pair of float, in [0, 1) and in [0, 1) [1]
        The weight of the past in the averages of losses and gradients. The weight of the past in
        the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step of the paper); False
        multiplies by 1 - learning_rate * weight_decay (the form of AdamW).
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks over which the loss is averaged; the default group where one is initialised.

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
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "betas": ("beta1", "beta2"),
        "eps": ("eps",),
        "weight_decay": ("weight_decay",),
        "lb": ("lower_bound",),
        "divide": ("proximal_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        lb: float = 0.0,
        divide: bool = True,
        use_fstar: bool = False,
        *,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
    ) -> None:
        hyper = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "lb": lb,
            "divide": divide,
            "use_fstar": use_fstar,
            "reset_margin": reset_margin,
        }
        super().__init__(params, hyper, on_nonfinite=on_nonfinite, process_group=process_group)

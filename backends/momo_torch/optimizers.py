"""The optimizers by name.  Generated from the specification by `momo generate`; edit its template."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.optim.optimizer import ParamsT

from .adapter import ModelBasedOptimizer
from .settings import Names

__all__ = [
    "Adam",
    "AdamW",
    "AMAdamW",
    "AMSGD",
    "FSGDM",
    "Momo",
    "MomoAdagrad",
    "MomoAdam",
    "MomoAdamTied",
    "MomoAM",
    "MomoAMAdam",
    "MomoAMSGrad",
    "MomoFSGDM",
    "MomoRMSprop",
    "ScheduleFreeSPS",
    "SGDM",
    "SPS",
]


class Adam(ModelBasedOptimizer):
    """
    Adam.

    Adam: MoMo-Adam without its model of the loss.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf) [param]
        Factor of the direction in a step.
    betas : pair of float, in [0, 1) and in [0, 1) [1]
        The weight of the past in the averages of losses and gradients. The weight of the past in
        the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/adam.toml; Kingma and Ba, ICLR 2015, arXiv 1412.6980; Schaipp et al., ICML 2024,
    arXiv 2305.07583, the base optimizer of MoMo-Adam.
    """

    rule_name = "adam"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "betas": ("beta1", "beta2"),
        "eps": ("eps",),
        "weight_decay": ("weight_decay",),
        "divide": ("proximal_decay",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        *,
        divide: bool = True,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "divide": divide,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class AdamW(ModelBasedOptimizer):
    """
    AdamW.

    Adam with decoupled weight decay.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf) [param]
        Factor of the direction in a step.
    betas : pair of float, in [0, 1) and in [0, 1) [1]
        The weight of the past in the averages of losses and gradients. The weight of the past in
        the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/adamw.toml; Loshchilov and Hutter, ICLR 2019, arXiv 1711.05101.
    """

    rule_name = "adamw"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "betas": ("beta1", "beta2"),
        "eps": ("eps",),
        "weight_decay": ("weight_decay",),
        "divide": ("proximal_decay",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        *,
        divide: bool = False,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "divide": divide,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class AMAdamW(ModelBasedOptimizer):
    """
    AM-AdamW.

    AdamW whose momentum coefficient adapts itself, one for each tensor or one for all.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf) [param]
        Factor of the direction in a step.
    betas : pair of float, in [0, 1) and in [0, 1) [1]
        Largest momentum coefficient. The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    lambd : float, in [0, inf) [param/loss, with metric_penalty 1]
        Weight of the penalty on a change of the direction.
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    metric_penalty : bool
        Measure the change of the direction in the metric of the step, which makes the optimizer
        equivariant to the scale of the loss.
    beta_scope : "global" or "tensor"
        One momentum coefficient for all tensors, or one for each.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/am_adamw.toml; arXiv 2510.04988, AISTATS 2026 (AM-AdamW), in the form without
    cancellation.
    """

    rule_name = "am_adamw"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "betas": ("beta_max", "beta2"),
        "eps": ("eps",),
        "weight_decay": ("weight_decay",),
        "lambd": ("lambd",),
        "divide": ("proximal_decay",),
        "metric_penalty": ("metric_penalty",),
        "beta_scope": ("beta_scope",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.89, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        lambd: float = 0.1,
        *,
        divide: bool = False,
        metric_penalty: bool = False,
        beta_scope: str = "tensor",
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "lambd": lambd,
            "divide": divide,
            "metric_penalty": metric_penalty,
            "beta_scope": beta_scope,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class AMSGD(ModelBasedOptimizer):
    """
    AM-SGD.

    SGD with momentum whose momentum coefficient adapts itself: the proximal step of the larger of
    two linear models of the loss.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf) [param^2/loss]
        Factor of the direction in a step.
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta_scope : "global" or "tensor"
        One momentum coefficient for all tensors, or one for each.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/am_sgd.toml; arXiv 2510.04988, AISTATS 2026 (AM-MSGD), in the form without
    cancellation.
    """

    rule_name = "am_sgd"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta_max": ("beta_max",),
        "lambd": ("lambd",),
        "weight_decay": ("weight_decay",),
        "divide": ("proximal_decay",),
        "beta_scope": ("beta_scope",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.1,
        beta_max: float = 0.9,
        lambd: float = 0.1,
        weight_decay: float = 0.0,
        *,
        divide: bool = False,
        beta_scope: str = "global",
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta_max": beta_max,
            "lambd": lambd,
            "weight_decay": weight_decay,
            "divide": divide,
            "beta_scope": beta_scope,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class FSGDM(ModelBasedOptimizer):
    """
    FSGDM.

    Heavy-ball SGD whose momentum coefficient grows from 0 in stages, by the share of the run that
    is done.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf) [param^2/loss]
        Factor of the direction in a step.
    total_steps : float, in [1, inf) [1]
        Number of steps of the whole run, a whole number.
    growth : float, in (0, inf) [1]
        Share of the run after which the momentum coefficient is 1/2.
    stages : float, in [1, inf) [1]
        Number of stages of the run, a whole number; a stage has at least one step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/fsgdm.toml; arXiv 2411.19671, second-hand: u(t) = t / (t + mu), held constant in
    each stage.
    """

    rule_name = "fsgdm"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "total_steps": ("total_steps",),
        "growth": ("growth",),
        "stages": ("stages",),
        "weight_decay": ("weight_decay",),
        "divide": ("proximal_decay",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.1,
        total_steps: float = 1000.0,
        growth: float = 0.033,
        stages: float = 300.0,
        weight_decay: float = 0.0,
        *,
        divide: bool = True,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "total_steps": total_steps,
            "growth": growth,
            "stages": stages,
            "weight_decay": weight_decay,
            "divide": divide,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


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
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

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
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
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
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoAdagrad(ModelBasedOptimizer):
    """
    MoMo-AdaGrad.

    The Polyak step of the averaged model in the metric of AdaGrad, capped by the learning rate.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root, outside of it.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/momo_adagrad.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(sum of the squared gradients).
    """

    rule_name = "momo_adagrad"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta": ("beta",),
        "eps": ("eps",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.1,
        beta: float = 0.9,
        eps: float = 1e-08,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta": beta,
            "eps": eps,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoAdam(ModelBasedOptimizer):
    """
    MoMo-Adam.

    Adam whose step is the Polyak step of an averaged model of the loss in Adam's metric, capped by
    the learning rate.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param]
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
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

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
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
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
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoAdamTied(ModelBasedOptimizer):
    """
    MoMo-Adam with one beta.

    MoMo-Adam with beta1 = beta2: one weight corrects both averages.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root, outside of it.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/momo_adam_tied.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with beta1 =
    beta2; Orvieto and Gower, arXiv 2505.21829.
    """

    rule_name = "momo_adam_tied"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta": ("beta",),
        "eps": ("eps",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        beta: float = 0.95,
        eps: float = 1e-08,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta": beta,
            "eps": eps,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoAM(ModelBasedOptimizer):
    """
    MoMo with adaptive momentum.

    AM-SGD chooses the momentum, MoMo the step: each keeps what is proved of it.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/momo_am.toml; Derived here: Schaipp et al., ICML 2024, arXiv 2305.07583, whose
    analysis allows any beta_k in [0, 1], with the beta_k of arXiv 2510.04988.
    """

    rule_name = "momo_am"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta_max": ("beta_max",),
        "lambd": ("lambd",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        beta_max: float = 0.9,
        lambd: float = 0.1,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta_max": beta_max,
            "lambd": lambd,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoAMAdam(ModelBasedOptimizer):
    """
    MoMo-Adam with adaptive momentum.

    The momentum of AM in the metric of Adam, with a scalar penalty, and the step of MoMo.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    beta2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/momo_am_adam.toml; Derived here: Schaipp et al., ICML 2024, arXiv 2305.07583,
    whose analysis allows any beta_k in [0, 1], with the beta_k of arXiv 2510.04988 in the metric
    D_k.
    """

    rule_name = "momo_am_adam"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta_max": ("beta_max",),
        "beta2": ("beta2",),
        "eps": ("eps",),
        "lambd": ("lambd",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        beta_max: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-08,
        lambd: float = 0.1,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta_max": beta_max,
            "beta2": beta2,
            "eps": eps,
            "lambd": lambd,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoAMSGrad(ModelBasedOptimizer):
    """
    MoMo-AMSGrad.

    MoMo-Adam in the metric of AMSGrad, which never shrinks.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    betas : pair of float, in [0, 1) and in [0, 1) [1]
        The weight of the past in the averages of losses and gradients. The weight of the past in
        the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/momo_amsgrad.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(max_i v_i / (1 - beta2^i)); Reddi, Kale, Kumar, ICLR 2018.
    """

    rule_name = "momo_amsgrad"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "betas": ("beta1", "beta2"),
        "eps": ("eps",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoFSGDM(ModelBasedOptimizer):
    """
    MoMo with the momentum of FSGDM.

    The weights of FSGDM in MoMo's averages: their sum is not 1, and the model accounts for it.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    total_steps : float, in [1, inf) [1]
        Number of steps of the whole run, a whole number.
    growth : float, in (0, inf) [1]
        Share of the run after which the momentum coefficient is 1/2.
    stages : float, in [1, inf) [1]
        Number of stages of the run, a whole number; a stage has at least one step.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/momo_fsgdm.toml; Derived here: arXiv 2305.07583 for any weights, with those of
    arXiv 2411.19671.
    """

    rule_name = "momo_fsgdm"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "total_steps": ("total_steps",),
        "growth": ("growth",),
        "stages": ("stages",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        total_steps: float = 1000.0,
        growth: float = 0.033,
        stages: float = 300.0,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "total_steps": total_steps,
            "growth": growth,
            "stages": stages,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class MomoRMSprop(ModelBasedOptimizer):
    """
    MoMo-RMSProp.

    The Polyak step in the metric of RMSProp, capped by the learning rate: MoMo-Adam without
    averaging the gradients.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    beta2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/momo_rmsprop.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(v_k / (1 - beta2^k)) and beta1 = 0.
    """

    rule_name = "momo_rmsprop"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta2": ("beta2",),
        "eps": ("eps",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        beta2: float = 0.99,
        eps: float = 1e-08,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta2": beta2,
            "eps": eps,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class ScheduleFreeSPS(ModelBasedOptimizer):
    """
    Schedule-free SPS.

    Schedule-free SGD with a Polyak step: the parameters are where the gradient is taken, `average`
    is what to use after training.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param^2/loss]
        Cap of the step; inf is the uncapped Polyak step.
    beta : float, in [0, 1] [1]
        Where the gradient is taken: 0 is the fast sequence, 1 its average.
    lb : float, in (-inf, inf) [loss]
        Lower bound of the loss.
    weight_decay : float, in [0, 0] [1/learning_rate]
        Must be 0: the rule has no weight decay.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/schedule_free_sps.toml; Derived here from the Polyak step and arXiv 2405.15682
    (schedule-free); the averaging weights step_size / sum of step sizes stand in for those of arXiv
    2511.07767, which were not found.
    """

    rule_name = "schedule_free_sps"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta": ("beta",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        beta: float = 0.9,
        lb: float = 0.0,
        *,
        weight_decay: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta": beta,
            "lb": lb,
            "weight_decay": weight_decay,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class SGDM(ModelBasedOptimizer):
    """
    SGD-M.

    SGD with momentum as an average of the gradients: MoMo without its model of the loss.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf) [param^2/loss]
        Factor of the direction in a step.
    beta : float, in [0, 1) [1]
        Momentum: the weight of the past in the averages of losses and gradients.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    bias_correction : bool
        True starts the averages at zero and corrects for their weight; False starts them at the
        first sample.
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/sgdm.toml; torch.optim.SGD with momentum = dampening = beta; Schaipp et al.,
    ICML 2024, arXiv 2305.07583, the base optimizer of MoMo.
    """

    rule_name = "sgdm"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "beta": ("beta",),
        "weight_decay": ("weight_decay",),
        "bias_correction": ("bias_correction",),
        "divide": ("proximal_decay",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.1,
        beta: float = 0.9,
        weight_decay: float = 0.0,
        bias_correction: bool = False,
        *,
        divide: bool = True,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "beta": beta,
            "weight_decay": weight_decay,
            "bias_correction": bias_correction,
            "divide": divide,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )


class SPS(ModelBasedOptimizer):
    """
    SPS.

    The stochastic Polyak step, capped by the learning rate: MoMo without momentum.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
        ``lr`` and ``weight_decay`` may differ between groups.
    lr : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    lb : float, in [-inf, inf) [loss]
        Lower bound of the loss; with `adapt_lower_bound` its first value, below which no estimate
        goes. -inf switches the cut off.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    use_fstar : bool
        Estimate the lower bound on the way (MoMo*).
    divide : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    reset_margin : float, in [0, 1) [1]
        Reset the estimate of the lower bound already when less than this share of the gap to
        `lower_bound` is left; 0 is the rule of the paper.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.  "skip"
        changes nothing but the counter ``skipped_steps``; "raise" reads a value on the host.
    process_group : torch.distributed.ProcessGroup, optional
        Ranks that step together and over which the loss is averaged; the default group where
        one is initialised.
    foreach : bool, optional
        False: each tensor by itself, with all results in memory before any is written.
        Otherwise many small tensors at once and large ones in chunks, in less time and memory.
    fused : bool, optional
        By default compiled kernels take the steps on the CPU where Numba is installed and
        the tensors suit; `implementation` says what took the last step, and why.  True:
        tensors that the kernels do not take are an error; False: no kernels.
    capturable : bool
        A CUDA graph may capture the step, whatever is passed.
    maximize, differentiable : bool
        Only False: the loss is minimised, and no gradient passes through a step.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or ``fused=True`` and there are no kernels for
        these parameters.
    TypeError
        If a setting has the wrong type.
    RuntimeError
        If a tool makes an optimizer for a part of the parameters (ZeRO, steps in the backward pass).

    Source
    ------
    spec/optimizers/sps.toml; Loizou et al., AISTATS 2021, arXiv 2002.10542 (SPS_max); with weight
    decay ProxSPS, arXiv 2301.04935.
    """

    rule_name = "sps"
    names: ClassVar[Names] = {
        "lr": ("learning_rate",),
        "lb": ("lower_bound",),
        "weight_decay": ("weight_decay",),
        "use_fstar": ("adapt_lower_bound",),
        "divide": ("proximal_decay",),
        "reset_margin": ("reset_margin",),
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        lb: float = 0.0,
        weight_decay: float = 0.0,
        use_fstar: bool = False,
        *,
        divide: bool = True,
        reset_margin: float = 0.0,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {
            "lr": lr,
            "lb": lb,
            "weight_decay": weight_decay,
            "use_fstar": use_fstar,
            "divide": divide,
            "reset_margin": reset_margin,
        }
        super().__init__(
            params,
            hyper,
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )

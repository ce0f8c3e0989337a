"""The optimizers by name.  Generated from the specification by `momo generate`; edit its template."""

from __future__ import annotations

from .directions.adagrad import DIRECTION as ADAGRAD_DIRECTION
from .directions.adam import DIRECTION as ADAM_DIRECTION
from .directions.adam_tied import DIRECTION as ADAM_TIED_DIRECTION
from .directions.am_adam import DIRECTION as AM_ADAM_DIRECTION
from .directions.am_adamw import DIRECTION as AM_ADAMW_DIRECTION
from .directions.am_sgd import DIRECTION as AM_SGD_DIRECTION
from .directions.amsgrad import DIRECTION as AMSGRAD_DIRECTION
from .directions.fsgdm import DIRECTION as FSGDM_DIRECTION
from .directions.momentum import DIRECTION as MOMENTUM_DIRECTION
from .directions.schedule_free import DIRECTION as SCHEDULE_FREE_DIRECTION
from .model import CUT, FIXED, HEAVY_BALL, SCHEDULE_FREE, Model
from .rule import Kind, Rule
from .validate import Constraint, HyperDomain, HyperTable

__all__ = [
    "KINDS",
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

SPEC_VERSION = "0.1"
"""Of the specification that the rules follow."""

KINDS: dict[str, Kind] = {
    "adam": Kind(
        "adam",
        ADAM_DIRECTION,
        FIXED,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.001,
                    domain="[0, inf)",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta1": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 0: {value}",
                    code="E_BETA1",
                    internal=False,
                    choices=(),
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.999,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
            },
            constraints=(),
        ),
    ),
    "adamw": Kind(
        "adamw",
        ADAM_DIRECTION,
        FIXED,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.001,
                    domain="[0, inf)",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.01,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta1": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 0: {value}",
                    code="E_BETA1",
                    internal=False,
                    choices=(),
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.999,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
            },
            constraints=(),
        ),
    ),
    "am_adamw": Kind(
        "am_adamw",
        AM_ADAMW_DIRECTION,
        FIXED,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.001,
                    domain="[0, inf)",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.01,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta_max": HyperDomain(
                    kind="number",
                    default=0.89,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 0: {value}",
                    code="E_BETA_MAX",
                    internal=False,
                    choices=(),
                ),
                "beta_min": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid beta_min: {value}",
                    code="E_BETA_MIN",
                    internal=True,
                    choices=(),
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.999,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
                "lambd": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf)",
                    message="Invalid lambd: {value}",
                    code="E_LAMBD",
                    internal=False,
                    choices=(),
                ),
                "metric_penalty": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_METRIC_PENALTY",
                    internal=False,
                    choices=(),
                ),
                "beta_scope": HyperDomain(
                    kind="choice",
                    default="tensor",
                    domain="",
                    message="",
                    code="E_BETA_SCOPE",
                    internal=False,
                    choices=("global", "tensor"),
                ),
            },
            constraints=(),
        ),
    ),
    "am_sgd": Kind(
        "am_sgd",
        AM_SGD_DIRECTION,
        FIXED,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf)",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta_max": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta_max: {value}",
                    code="E_BETA_MAX",
                    internal=False,
                    choices=(),
                ),
                "beta_min": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid beta_min: {value}",
                    code="E_BETA_MIN",
                    internal=True,
                    choices=(),
                ),
                "lambd": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf)",
                    message="Invalid lambd: {value}",
                    code="E_LAMBD",
                    internal=False,
                    choices=(),
                ),
                "beta_scope": HyperDomain(
                    kind="choice",
                    default="global",
                    domain="",
                    message="",
                    code="E_BETA_SCOPE",
                    internal=False,
                    choices=("global", "tensor"),
                ),
            },
            constraints=(),
        ),
    ),
    "fsgdm": Kind(
        "fsgdm",
        FSGDM_DIRECTION,
        HEAVY_BALL,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf)",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "total_steps": HyperDomain(
                    kind="number",
                    default=1000.0,
                    domain="[1, inf)",
                    message="Invalid total_steps: {value}",
                    code="E_TOTAL_STEPS",
                    internal=False,
                    choices=(),
                ),
                "growth": HyperDomain(
                    kind="number",
                    default=0.033,
                    domain="(0, inf)",
                    message="Invalid growth: {value}",
                    code="E_GROWTH",
                    internal=False,
                    choices=(),
                ),
                "stages": HyperDomain(
                    kind="number",
                    default=300.0,
                    domain="[1, inf)",
                    message="Invalid stages: {value}",
                    code="E_STAGES",
                    internal=False,
                    choices=(),
                ),
            },
            constraints=(),
        ),
    ),
    "momo": Kind(
        "momo",
        MOMENTUM_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter: {value}",
                    code="E_BETA",
                    internal=False,
                    choices=(),
                ),
                "bias_correction": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_BIAS_CORRECTION",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_adagrad": Kind(
        "momo_adagrad",
        ADAGRAD_DIRECTION,
        CUT,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf]",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter: {value}",
                    code="E_BETA",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_adam": Kind(
        "momo_adam",
        ADAM_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta1": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 0: {value}",
                    code="E_BETA1",
                    internal=False,
                    choices=(),
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.999,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_adam_tied": Kind(
        "momo_adam_tied",
        ADAM_TIED_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta": HyperDomain(
                    kind="number",
                    default=0.95,
                    domain="[0, 1)",
                    message="Invalid beta parameter: {value}",
                    code="E_BETA",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_am": Kind(
        "momo_am",
        AM_SGD_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta_max": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta_max: {value}",
                    code="E_BETA_MAX",
                    internal=False,
                    choices=(),
                ),
                "beta_min": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid beta_min: {value}",
                    code="E_BETA_MIN",
                    internal=True,
                    choices=(),
                ),
                "lambd": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf)",
                    message="Invalid lambd: {value}",
                    code="E_LAMBD",
                    internal=False,
                    choices=(),
                ),
                "beta_scope": HyperDomain(
                    kind="choice",
                    default="global",
                    domain="",
                    message="",
                    code="E_BETA_SCOPE",
                    internal=True,
                    choices=("global",),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_am_adam": Kind(
        "momo_am_adam",
        AM_ADAM_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta_max": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta_max: {value}",
                    code="E_BETA_MAX",
                    internal=False,
                    choices=(),
                ),
                "beta_min": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid beta_min: {value}",
                    code="E_BETA_MIN",
                    internal=True,
                    choices=(),
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.999,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
                "lambd": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf)",
                    message="Invalid lambd: {value}",
                    code="E_LAMBD",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_amsgrad": Kind(
        "momo_amsgrad",
        AMSGRAD_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta1": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 0: {value}",
                    code="E_BETA1",
                    internal=False,
                    choices=(),
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.999,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_fsgdm": Kind(
        "momo_fsgdm",
        FSGDM_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "total_steps": HyperDomain(
                    kind="number",
                    default=1000.0,
                    domain="[1, inf)",
                    message="Invalid total_steps: {value}",
                    code="E_TOTAL_STEPS",
                    internal=False,
                    choices=(),
                ),
                "growth": HyperDomain(
                    kind="number",
                    default=0.033,
                    domain="(0, inf)",
                    message="Invalid growth: {value}",
                    code="E_GROWTH",
                    internal=False,
                    choices=(),
                ),
                "stages": HyperDomain(
                    kind="number",
                    default=300.0,
                    domain="[1, inf)",
                    message="Invalid stages: {value}",
                    code="E_STAGES",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "momo_rmsprop": Kind(
        "momo_rmsprop",
        ADAM_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta1": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 0: {value}",
                    code="E_BETA1",
                    internal=True,
                    choices=(),
                ),
                "beta2": HyperDomain(
                    kind="number",
                    default=0.99,
                    domain="[0, 1)",
                    message="Invalid beta parameter at index 1: {value}",
                    code="E_BETA2",
                    internal=False,
                    choices=(),
                ),
                "eps": HyperDomain(
                    kind="number",
                    default=1e-08,
                    domain="[0, inf)",
                    message="Invalid epsilon value: {value}",
                    code="E_EPS",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "schedule_free_sps": Kind(
        "schedule_free_sps",
        SCHEDULE_FREE_DIRECTION,
        SCHEDULE_FREE,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=1.0,
                    domain="[0, inf]",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 0]",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=True,
                    choices=(),
                ),
                "beta": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1]",
                    message="Invalid beta parameter: {value}",
                    code="E_BETA",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="(-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
            },
            constraints=(),
        ),
    ),
    "sgdm": Kind(
        "sgdm",
        MOMENTUM_DIRECTION,
        FIXED,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=0.1,
                    domain="[0, inf)",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta": HyperDomain(
                    kind="number",
                    default=0.9,
                    domain="[0, 1)",
                    message="Invalid beta parameter: {value}",
                    code="E_BETA",
                    internal=False,
                    choices=(),
                ),
                "bias_correction": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_BIAS_CORRECTION",
                    internal=False,
                    choices=(),
                ),
            },
            constraints=(),
        ),
    ),
    "sps": Kind(
        "sps",
        MOMENTUM_DIRECTION,
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "beta": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid beta parameter: {value}",
                    code="E_BETA",
                    internal=True,
                    choices=(),
                ),
                "bias_correction": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_BIAS_CORRECTION",
                    internal=True,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
}
"""Every optimizer of the specification."""

FRAMES: dict[str, tuple[Model, HyperTable]] = {
    "cut": (
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
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
                "lower_bound": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[-inf, inf)",
                    message="Invalid lower_bound: {value}",
                    code="E_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "adapt_lower_bound": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_ADAPT_LOWER_BOUND",
                    internal=False,
                    choices=(),
                ),
                "reset_margin": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, 1)",
                    message="Invalid reset_margin: {value}",
                    code="E_RESET_MARGIN",
                    internal=False,
                    choices=(),
                ),
                "authors_numerator": HyperDomain(
                    kind="flag",
                    default=False,
                    domain="",
                    message="",
                    code="E_AUTHORS_NUMERATOR",
                    internal=True,
                    choices=(),
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
                    when="learning_rate == inf",
                    require="lower_bound > -inf",
                    message="Invalid learning rate: inf needs a finite lower_bound",
                    code="E_LEARNING_RATE",
                ),
                Constraint(
                    when="adapt_lower_bound",
                    require="lower_bound > -inf",
                    message="Invalid lower_bound: -inf needs adapt_lower_bound to be False",
                    code="E_LOWER_BOUND",
                ),
            ),
        ),
    ),
    "fixed": (
        FIXED,
        HyperTable(
            hyper={
                "learning_rate": HyperDomain(
                    kind="number",
                    default=1.0,
                    domain="[0, inf)",
                    message="Invalid learning rate: {value}",
                    code="E_LEARNING_RATE",
                    internal=False,
                    choices=(),
                ),
                "weight_decay": HyperDomain(
                    kind="number",
                    default=0.0,
                    domain="[0, inf)",
                    message="Invalid weight_decay value: {value}",
                    code="E_WEIGHT_DECAY",
                    internal=False,
                    choices=(),
                ),
                "proximal_decay": HyperDomain(
                    kind="flag",
                    default=True,
                    domain="",
                    message="",
                    code="E_PROXIMAL_DECAY",
                    internal=False,
                    choices=(),
                ),
            },
            constraints=(),
        ),
    ),
}
"""Step-size models that go with any direction, with the hyper-parameters that come with them."""


def adam(
    *,
    learning_rate: float = 0.001,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    Adam.

    Adam: MoMo-Adam without its model of the loss.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param]
        Factor of the direction in a step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta1 : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    beta2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
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
    spec/optimizers/adam.toml; Kingma and Ba, ICLR 2015, arXiv 1412.6980; Schaipp et al., ICML 2024,
    arXiv 2305.07583, the base optimizer of MoMo-Adam.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta1": beta1,
        "beta2": beta2,
        "eps": eps,
    }
    return KINDS["adam"].checked_rule(hyper, on_nonfinite)


def adamw(
    *,
    learning_rate: float = 0.001,
    weight_decay: float = 0.01,
    proximal_decay: bool = False,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    AdamW.

    Adam with decoupled weight decay.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param]
        Factor of the direction in a step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta1 : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    beta2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
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
    spec/optimizers/adamw.toml; Loshchilov and Hutter, ICLR 2019, arXiv 1711.05101.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta1": beta1,
        "beta2": beta2,
        "eps": eps,
    }
    return KINDS["adamw"].checked_rule(hyper, on_nonfinite)


def am_adamw(
    *,
    learning_rate: float = 0.001,
    weight_decay: float = 0.01,
    proximal_decay: bool = False,
    beta_max: float = 0.89,
    beta_min: float = 0.0,
    beta2: float = 0.999,
    eps: float = 1e-08,
    lambd: float = 0.1,
    metric_penalty: bool = False,
    beta_scope: str = "tensor",
    on_nonfinite: str = "skip",
) -> Rule:
    """
    AM-AdamW.

    AdamW whose momentum coefficient adapts itself, one for each tensor or one for all.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param]
        Factor of the direction in a step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    beta_min : float, in [0, 1) [1]
        Smallest momentum coefficient; equal to the largest it is AdamW.
    beta2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lambd : float, in [0, inf) [param/loss, with metric_penalty 1]
        Weight of the penalty on a change of the direction.
    metric_penalty : bool
        Measure the change of the direction in the metric of the step, which makes the optimizer
        equivariant to the scale of the loss.
    beta_scope : "global" or "tensor"
        One momentum coefficient for all tensors, or one for each.
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
    spec/optimizers/am_adamw.toml; arXiv 2510.04988, AISTATS 2026 (AM-AdamW), in the form without
    cancellation.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta_max": beta_max,
        "beta_min": beta_min,
        "beta2": beta2,
        "eps": eps,
        "lambd": lambd,
        "metric_penalty": metric_penalty,
        "beta_scope": beta_scope,
    }
    return KINDS["am_adamw"].checked_rule(hyper, on_nonfinite)


def am_sgd(
    *,
    learning_rate: float = 0.1,
    weight_decay: float = 0.0,
    proximal_decay: bool = False,
    beta_max: float = 0.9,
    beta_min: float = 0.0,
    lambd: float = 0.1,
    beta_scope: str = "global",
    on_nonfinite: str = "skip",
) -> Rule:
    """
    AM-SGD.

    SGD with momentum whose momentum coefficient adapts itself: the proximal step of the larger of
    two linear models of the loss.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param^2/loss]
        Factor of the direction in a step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    beta_min : float, in [0, 1) [1]
        Smallest momentum coefficient; equal to the largest it is plain momentum.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    beta_scope : "global" or "tensor"
        One momentum coefficient for all tensors, or one for each.
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
    spec/optimizers/am_sgd.toml; arXiv 2510.04988, AISTATS 2026 (AM-MSGD), in the form without
    cancellation.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta_max": beta_max,
        "beta_min": beta_min,
        "lambd": lambd,
        "beta_scope": beta_scope,
    }
    return KINDS["am_sgd"].checked_rule(hyper, on_nonfinite)


def fsgdm(
    *,
    learning_rate: float = 0.1,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    total_steps: float = 1000.0,
    growth: float = 0.033,
    stages: float = 300.0,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    FSGDM, experimental.

    Heavy-ball SGD whose momentum coefficient grows from 0 in stages, by the share of the run that
    is done.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param^2/loss]
        Factor of the direction in a step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    total_steps : float, in [1, inf) [1]
        Number of steps of the whole run, a whole number.
    growth : float, in (0, inf) [1]
        Share of the run after which the momentum coefficient is 1/2.
    stages : float, in [1, inf) [1]
        Number of stages of the run, a whole number; a stage has at least one step.
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
    spec/optimizers/fsgdm.toml; arXiv 2411.19671, second-hand: u(t) = t / (t + mu), held constant in
    each stage.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "total_steps": total_steps,
        "growth": growth,
        "stages": stages,
    }
    return KINDS["fsgdm"].checked_rule(hyper, on_nonfinite)


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
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
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


def momo_adagrad(
    *,
    learning_rate: float = 0.1,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta: float = 0.9,
    eps: float = 1e-08,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo-AdaGrad.

    The Polyak step of the averaged model in the metric of AdaGrad, capped by the learning rate.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root, outside of it.
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
    spec/optimizers/momo_adagrad.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(sum of the squared gradients).
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta": beta,
        "eps": eps,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
        "reset_margin": reset_margin,
        "authors_numerator": authors_numerator,
    }
    return KINDS["momo_adagrad"].checked_rule(hyper, on_nonfinite)


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
    learning_rate : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
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


def momo_adam_tied(
    *,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta: float = 0.95,
    eps: float = 1e-08,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo-Adam with one beta.

    MoMo-Adam with beta1 = beta2: one weight corrects both averages.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta : float, in [0, 1) [1]
        The weight of the past in the averages of losses and gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root, outside of it.
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
    spec/optimizers/momo_adam_tied.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with beta1 =
    beta2; Orvieto and Gower, arXiv 2505.21829.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta": beta,
        "eps": eps,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
        "reset_margin": reset_margin,
        "authors_numerator": authors_numerator,
    }
    return KINDS["momo_adam_tied"].checked_rule(hyper, on_nonfinite)


def momo_am(
    *,
    learning_rate: float = 1.0,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta_max: float = 0.9,
    beta_min: float = 0.0,
    lambd: float = 0.1,
    beta_scope: str = "global",
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo with adaptive momentum, experimental.

    AM-SGD chooses the momentum, MoMo the step: each keeps what is proved of it.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    beta_min : float, in [0, 1) [1]
        Smallest momentum coefficient; equal to the largest it is plain momentum.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
    beta_scope : "global"
        One momentum coefficient for all tensors, or one for each.
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
    spec/optimizers/momo_am.toml; Derived here: Schaipp et al., ICML 2024, arXiv 2305.07583, whose
    analysis allows any beta_k in [0, 1], with the beta_k of arXiv 2510.04988.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta_max": beta_max,
        "beta_min": beta_min,
        "lambd": lambd,
        "beta_scope": beta_scope,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
        "reset_margin": reset_margin,
        "authors_numerator": authors_numerator,
    }
    return KINDS["momo_am"].checked_rule(hyper, on_nonfinite)


def momo_am_adam(
    *,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta_max: float = 0.9,
    beta_min: float = 0.0,
    beta2: float = 0.999,
    eps: float = 1e-08,
    lambd: float = 0.1,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo-Adam with adaptive momentum, experimental.

    The momentum of AM in the metric of Adam, with a scalar penalty, and the step of MoMo.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta_max : float, in [0, 1) [1]
        Largest momentum coefficient.
    beta_min : float, in [0, 1) [1]
        Smallest momentum coefficient; equal to the largest it is plain momentum.
    beta2 : float, in [0, 1) [1]
        The weight of the past in the average of squared gradients.
    eps : float, in [0, inf) [loss/param]
        Added to the root of the averaged squared gradients, outside the root and after bias
        correction.
    lambd : float, in [0, inf) [1]
        Weight of the penalty on a change of the direction.
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
    spec/optimizers/momo_am_adam.toml; Derived here: Schaipp et al., ICML 2024, arXiv 2305.07583,
    whose analysis allows any beta_k in [0, 1], with the beta_k of arXiv 2510.04988 in the metric
    D_k.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta_max": beta_max,
        "beta_min": beta_min,
        "beta2": beta2,
        "eps": eps,
        "lambd": lambd,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
        "reset_margin": reset_margin,
        "authors_numerator": authors_numerator,
    }
    return KINDS["momo_am_adam"].checked_rule(hyper, on_nonfinite)


def momo_amsgrad(
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
    MoMo-AMSGrad.

    MoMo-Adam in the metric of AMSGrad, which never shrinks.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
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
    spec/optimizers/momo_amsgrad.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(max_i v_i / (1 - beta2^i)); Reddi, Kale, Kumar, ICLR 2018.
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
    return KINDS["momo_amsgrad"].checked_rule(hyper, on_nonfinite)


def momo_fsgdm(
    *,
    learning_rate: float = 1.0,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    total_steps: float = 1000.0,
    growth: float = 0.033,
    stages: float = 300.0,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo with the momentum of FSGDM, experimental.

    The weights of FSGDM in MoMo's averages: their sum is not 1, and the model accounts for it.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    total_steps : float, in [1, inf) [1]
        Number of steps of the whole run, a whole number.
    growth : float, in (0, inf) [1]
        Share of the run after which the momentum coefficient is 1/2.
    stages : float, in [1, inf) [1]
        Number of stages of the run, a whole number; a stage has at least one step.
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
    spec/optimizers/momo_fsgdm.toml; Derived here: arXiv 2305.07583 for any weights, with those of
    arXiv 2411.19671.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "total_steps": total_steps,
        "growth": growth,
        "stages": stages,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
        "reset_margin": reset_margin,
        "authors_numerator": authors_numerator,
    }
    return KINDS["momo_fsgdm"].checked_rule(hyper, on_nonfinite)


def momo_rmsprop(
    *,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta1: float = 0.0,
    beta2: float = 0.99,
    eps: float = 1e-08,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    MoMo-RMSProp.

    The Polyak step in the metric of RMSProp, capped by the learning rate: MoMo-Adam without
    averaging the gradients.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
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
    spec/optimizers/momo_rmsprop.toml; Schaipp et al., ICML 2024, arXiv 2305.07583, with D_k = eps +
    sqrt(v_k / (1 - beta2^k)) and beta1 = 0.
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
    return KINDS["momo_rmsprop"].checked_rule(hyper, on_nonfinite)


def schedule_free_sps(
    *,
    learning_rate: float = 1.0,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta: float = 0.9,
    lower_bound: float = 0.0,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    Schedule-free SPS, experimental.

    Schedule-free SGD with a Polyak step: the parameters are where the gradient is taken, `average`
    is what to use after training.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss]
        Cap of the step; inf is the uncapped Polyak step.
    weight_decay : float, in [0, 0] [1/learning_rate]
        Must be 0: the rule has no weight decay.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta : float, in [0, 1] [1]
        Where the gradient is taken: 0 is the fast sequence, 1 its average.
    lower_bound : float, in (-inf, inf) [loss]
        Lower bound of the loss.
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
    spec/optimizers/schedule_free_sps.toml; Derived here from the Polyak step and arXiv 2405.15682
    (schedule-free); the averaging weights step_size / sum of step sizes stand in for those of arXiv
    2511.07767, which were not found.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta": beta,
        "lower_bound": lower_bound,
    }
    return KINDS["schedule_free_sps"].checked_rule(hyper, on_nonfinite)


def sgdm(
    *,
    learning_rate: float = 0.1,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta: float = 0.9,
    bias_correction: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    SGD-M.

    SGD with momentum as an average of the gradients: MoMo without its model of the loss.

    Parameters
    ----------
    learning_rate : float, in [0, inf) [param^2/loss]
        Factor of the direction in a step.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
    beta : float, in [0, 1) [1]
        Momentum: the weight of the past in the averages of losses and gradients.
    bias_correction : bool
        True starts the averages at zero and corrects for their weight; False starts them at the
        first sample.
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
    spec/optimizers/sgdm.toml; torch.optim.SGD with momentum = dampening = beta; Schaipp et al.,
    ICML 2024, arXiv 2305.07583, the base optimizer of MoMo.
    """
    hyper = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "proximal_decay": proximal_decay,
        "beta": beta,
        "bias_correction": bias_correction,
    }
    return KINDS["sgdm"].checked_rule(hyper, on_nonfinite)


def sps(
    *,
    learning_rate: float = 1.0,
    weight_decay: float = 0.0,
    proximal_decay: bool = True,
    beta: float = 0.0,
    bias_correction: bool = False,
    lower_bound: float = 0.0,
    adapt_lower_bound: bool = False,
    reset_margin: float = 0.0,
    authors_numerator: bool = False,
    on_nonfinite: str = "skip",
) -> Rule:
    """
    SPS.

    The stochastic Polyak step, capped by the learning rate: MoMo without momentum.

    Parameters
    ----------
    learning_rate : float, in [0, inf] [param^2/loss]
        Cap of the step: the step is never longer than the base optimizer's with this rate.
    weight_decay : float, in [0, inf) [1/learning_rate]
        Weight of the penalty weight_decay/2 * ||param||^2 of the proximal step.
    proximal_decay : bool
        True divides by 1 + learning_rate * weight_decay (the proximal step); False multiplies by 1
        - learning_rate * weight_decay (the form of AdamW).
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
    spec/optimizers/sps.toml; Loizou et al., AISTATS 2021, arXiv 2002.10542 (SPS_max); with weight
    decay ProxSPS, arXiv 2301.04935.
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
    return KINDS["sps"].checked_rule(hyper, on_nonfinite)

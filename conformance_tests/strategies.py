"""Hypothesis strategies for hyper-parameters and for prescribed gradients and losses."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from momo_core.validate import in_interval
from momo_spec import load_spec
from momo_spec.load import Hyper

FLAGS = st.booleans()

NUMBERS: dict[str, st.SearchStrategy[float]] = {
    "learning_rate": st.sampled_from([1e-3, 0.03, 0.5, 1.0, 10.0]),
    "weight_decay": st.sampled_from([0.0, 0.0, 0.01, 0.3]),
    "beta": st.sampled_from([0.0, 0.5, 0.9, 0.99]),
    "beta1": st.sampled_from([0.0, 0.5, 0.9]),
    "beta2": st.sampled_from([0.5, 0.9, 0.999]),
    "eps": st.sampled_from([1e-8, 1e-3]),
    "lower_bound": st.sampled_from([0.0, 0.0, 0.25, -1.0]),
    "reset_margin": st.sampled_from([0.0, 0.01]),
    "beta_max": st.sampled_from([0.0, 0.5, 0.89, 0.99]),
    "lambd": st.sampled_from([0.0, 0.1, 1.0]),
    "total_steps": st.sampled_from([1.0, 30.0, 1000.0]),
    "growth": st.sampled_from([0.033, 0.5]),
    "stages": st.sampled_from([1.0, 10.0, 300.0]),
}
"""Values of each numeric hyper-parameter; a new one of the specification must get a line."""

LOSS_SHAPES = ("noisy", "decreasing", "constant", "spikes", "below the bound")


def values_of(hyper: Hyper) -> st.SearchStrategy[Any]:
    """Values of a hyper-parameter."""
    if hyper.kind == "number":
        return NUMBERS[hyper.name].filter(lambda number: in_interval(number, hyper.domain))
    return FLAGS if hyper.kind == "flag" else st.sampled_from(hyper.choices)


@st.composite
def hypers(draw: st.DrawFn, optimizer: str) -> dict[str, Any]:
    """All public hyper-parameters of an optimizer."""
    spec = load_spec(optimizer)
    return {name: draw(values_of(hyper)) for name, hyper in spec.hyper.items() if not hyper.internal}


@st.composite
def trajectories(draw: st.DrawFn, *, max_steps: int = 30) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    """Start and prescribed steps, all numbers of float32."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.sampled_from([(), (3,), (2, 4), (1, 1), (17,)]), min_size=1, max_size=4))
    scale = draw(st.sampled_from([1e-3, 1.0, 100.0]))
    count = draw(st.integers(1, max_steps))
    losses = prescribed_losses(random, draw(st.sampled_from(LOSS_SHAPES)), count)
    params = [rounded(random.normal(size=shape)) for shape in shapes]
    steps = [
        {"grads": [rounded(scale * random.normal(size=shape)) for shape in shapes], "loss": float(loss)}
        for loss in losses
    ]
    return params, steps


def prescribed_losses(random: np.random.Generator, shape: str, count: int) -> np.ndarray:
    """Losses of float32 that wander into every branch."""
    noise = random.uniform(0.5, 1.5, size=count)
    curves = {
        "noisy": noise,
        "decreasing": noise * 0.8 ** np.arange(count),
        "constant": np.full(count, 0.75),
        "spikes": np.where(random.uniform(size=count) < 0.2, 1e4, noise),
        "below the bound": noise - 1.25,
    }
    return rounded(curves[shape])


def rounded(values: Any) -> np.ndarray:
    """Rounded to float32, stored in float64."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)

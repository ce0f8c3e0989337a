"""
The estimated lower bound: where it stalls, and what `reset_margin` and the reset do about it.

Prints the tables of docs/estimator.md.  Everything is float64; the last table also runs
`momo-opt` and `optax.contrib` where they are installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import momo_core

Vector = NDArray[np.float64]

SAMPLES, DIMENSION = 200, 20
LEARNING_RATE, BETA = 0.5, 0.9
CHECKPOINTS = (100, 300, 1000)
WINDOW = 50
"""Minibatches: gaps are averaged over so many steps."""
SEEDS = range(10)
MARGINS = (0.0, 0.01, 0.05)
STARTS = (1.0, 10.0)
RESOLUTION = 1e-7
"""Below this, x changes ``x^2 / 2 + 5`` by less than its rounding."""


@dataclass(frozen=True)
class LeastSquares:
    """
    ``mean((features @ x - targets)^2) / 2``.

    Attributes
    ----------
    features : array, shape (samples, dimension)
    targets : array, shape (samples,)
    batches : list
        Rows of each step.
    infimum : float
        Smallest loss on all rows.
    """

    features: Vector
    targets: Vector
    batches: list[Any]
    infimum: float

    def loss(self, x: Vector, rows: Any = slice(None)) -> tuple[float, Vector]:
        """Loss and gradient on some rows."""
        features = self.features[rows]
        residual = features @ x - self.targets[rows]
        return float(residual @ residual) / (2 * len(residual)), features.T @ residual / len(residual)


def least_squares(seed: int, noise: float, batch: int | None) -> LeastSquares:
    """Gaussian features, solution and noise of the targets; a batch of None is all rows."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((SAMPLES, DIMENSION))
    targets = features @ rng.standard_normal(DIMENSION) + noise * rng.standard_normal(SAMPLES)
    rest = targets - features @ np.linalg.lstsq(features, targets)[0] if noise else 0 * targets
    batches = [
        rng.choice(SAMPLES, batch, replace=False) if batch else slice(None) for _ in range(CHECKPOINTS[-1])
    ]
    return LeastSquares(features, targets, batches, float(rest @ rest) / (2 * SAMPLES))


def rules(known_bound: float) -> dict[str, momo_core.Rule]:
    """The rules to compare, by their label."""
    options: dict[str, tuple[str, dict[str, Any]]] = {
        "SGD-M": ("sgdm", {}),
        "MoMo, lower_bound known": ("momo", {"lower_bound": known_bound}),
    }
    for margin in MARGINS:
        hyper = {"adapt_lower_bound": True, "reset_margin": margin}
        options[f"MoMo\\*, reset_margin {margin:g}"] = ("momo", hyper)
    common = {"learning_rate": LEARNING_RATE, "beta": BETA}
    return {
        label: momo_core.KINDS[name].checked_rule({**common, **hyper})
        for label, (name, hyper) in options.items()
    }


def train(problem: LeastSquares, rule: momo_core.Rule) -> tuple[list[float], float]:
    """
    Run a rule from zero.

    Returns
    -------
    list of float
        Loss on all rows less its infimum, after each step.
    float
        Share of the steps after which the lower bound in use was above the infimum.
    """
    params = [np.zeros(problem.features.shape[1])]
    state = rule.init(params)
    gaps, over = [], 0
    for rows in problem.batches:
        loss, grad = problem.loss(params[0], rows)
        params, state, info = rule.step(params, [grad], loss, state)
        gaps.append(problem.loss(params[0])[0] - problem.infimum)
        over += info.lower_bound is not None and float(info.lower_bound) > problem.infimum
    return gaps, over / len(problem.batches)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown table; the first column is text."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def gap_table(noise: float, batch: int | None) -> str:
    """Gaps of the loss over all seeds, a row for each rule."""
    runs: dict[str, list[tuple[list[float], float]]] = {}
    for seed in SEEDS:
        problem = least_squares(seed, noise, batch)
        for label, rule in rules(problem.infimum).items():
            runs.setdefault(label, []).append(train(problem, rule))
    window = WINDOW if batch else 1
    rows = []
    for label, results in runs.items():
        curves = np.array([curve for curve, _ in results])
        gaps = np.stack([curves[:, step - window : step].mean(axis=1) for step in CHECKPOINTS])
        medians = [f"{gap:.1e}" for gap in np.median(gaps, axis=1)]
        ends = f"{gaps[-1].min():.1e} to {gaps[-1].max():.1e}"
        rows.append([label, *medians, ends, f"{np.mean([share for _, share in results]):.0%}"])
    steps = [f"{step} steps" for step in CHECKPOINTS]
    return table(["", *steps, f"range at {CHECKPOINTS[-1]}", "overestimates"], rows)


def core_path(start: float, shift: float, lower_bound: float) -> Iterator[float]:
    """Parameters of this project's MoMo* on ``x^2 / 2 + shift``."""
    rule = momo_core.momo(learning_rate=0.1, lower_bound=lower_bound, adapt_lower_bound=True)
    params = [np.array([start])]
    state = rule.init(params)
    while True:
        loss = float(params[0] @ params[0]) / 2 + shift
        params, state, _ = rule.step(params, params, loss, state)
        yield float(params[0][0])


def authors_path(start: float, shift: float, lower_bound: float) -> Iterator[float]:
    """The same with `momo-opt`."""
    import momo
    import torch

    param = torch.nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer = momo.Momo([param], lr=0.1, lb=lower_bound, use_fstar=True)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (param * param).sum() / 2 + shift
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    while True:
        optimizer.step(closure)
        yield param.item()


def optax_path(start: float, shift: float, lower_bound: float) -> Iterator[float]:
    """The same with `optax.contrib`."""
    import jax
    import optax

    with jax.enable_x64(True):
        transform = optax.contrib.momo(0.1, lower_bound=lower_bound, adapt_lower_bound=True)
        param = jax.numpy.array([start])
        state = transform.init(param)

        @jax.jit
        def step(param: Any, state: Any) -> tuple[Any, Any]:
            loss = (param @ param) / 2 + shift
            updates, state = transform.update(param, state, param, value=loss)
            return param + updates, state

        while True:
            param, state = step(param, state)
            yield float(param[0])


PATHS: dict[str, tuple[str, Callable[[float, float, float], Iterator[float]]]] = {
    "this project": ("momo_core", core_path),
    "`momo-opt`": ("momo", authors_path),
    "`optax.contrib`": ("optax", optax_path),
}


def shift_table() -> str:
    """End points for one problem at two heights, a row for each implementation."""
    rows = []
    for label, (module, path) in PATHS.items():
        if find_spec(module) is None:
            continue
        for start in STARTS:
            ends = []
            for shift, lower_bound in ((5.0, 0.0), (-5.0, -10.0)):
                steps = path(start, shift, lower_bound)
                *_, last = (x for x, _ in zip(steps, range(CHECKPOINTS[-1]), strict=False))
                ends.append(f"{abs(last):.3f}" if abs(last) > RESOLUTION else f"< {RESOLUTION:g}")
            rows.append([label, f"{start:g}", *ends])
    heights = ["f = x²/2 + 5, lower_bound 0", "f = x²/2 − 5, lower_bound −10"]
    return table(["MoMo\\*", "x at the start", *heights], rows)


def main() -> None:
    """Print the tables."""
    print("### Full batch, interpolation\n\n" + gap_table(noise=0.0, batch=None))
    print("\n### Batches of 10, noise\n\n" + gap_table(noise=1.0, batch=10))
    print(f"\n### |x| after {CHECKPOINTS[-1]} steps\n\n" + shift_table())


if __name__ == "__main__":
    main()

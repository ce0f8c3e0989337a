"""
AM-SGD against fixed momentum and gradient descent: logistic regression on four tables.

``python examples/am_logistic.py --out DIR`` writes a picture for all rows at once and one for
minibatches, and a JSON file with the numbers, and prints the tables of docs/am.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

import momo_core

Vector = NDArray[np.float64]

TABLES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "breast cancer": (load_breast_cancer, lambda target: target == 1),
    "wine, class 1": (load_wine, lambda target: target == 1),
    "iris, class 1": (load_iris, lambda target: target == 1),
    "digits, odd": (load_digits, lambda target: target % 2 == 1),
}
"""Table to what loads it, and which targets are positive."""

METHODS: dict[str, tuple[str, dict[str, float], str]] = {
    "gradient descent": ("sgdm", {"beta": 0.0}, "#e69f00"),
    "momentum 0.9": ("sgdm", {"beta": 0.9}, "#0072b2"),
    "AM-SGD": ("am_sgd", {"beta_max": 0.9, "lambd": 0.0}, "#009e73"),
}
"""Method to rule, hyper-parameters and colour."""

RATES = tuple(2.0**power for power in range(-2, 8))
STEPS, TAIL = 300, 30
BATCH, SEEDS = 32, (0, 1, 2)
FLOOR = 1e-16


@dataclass(frozen=True)
class LogisticRegression:
    """
    ``mean(log(1 + exp(-rows @ x))) + penalty / 2 * ||x||^2``.

    Attributes
    ----------
    rows : array, shape (samples, features)
        Standardised features and a one, times the sign of the class.
    penalty : float
        One over the number of samples.
    """

    rows: Vector
    penalty: float

    @classmethod
    def load(cls, name: str) -> LogisticRegression:
        """Read a table of scikit-learn; constant features are left out."""
        loader, is_positive = TABLES[name]
        table = loader()
        varying = table.data[:, table.data.std(axis=0) > 0]
        features = (varying - varying.mean(axis=0)) / varying.std(axis=0)
        signs = np.where(is_positive(table.target), 1.0, -1.0)[:, None]
        return cls(signs * np.hstack([features, np.ones_like(signs)]), 1 / len(signs))

    def loss(self, x: Vector, subset: Any = slice(None)) -> tuple[float, Vector]:
        """Loss and gradient on a subset of the rows."""
        rows = self.rows[subset]
        margins = rows @ x
        grad = self.penalty * x - rows.T @ expit(-margins) / len(rows)
        return float(np.logaddexp(0, -margins).mean() + self.penalty / 2 * x @ x), grad

    def hessian(self, x: Vector) -> Vector:
        """Second derivative on all rows."""
        share = expit(self.rows @ x)
        curved = (self.rows.T * (share * (1 - share))) @ self.rows / len(self.rows)
        return np.asarray(curved + self.penalty * np.eye(len(x)))

    def smoothness(self) -> float:
        """Largest curvature anywhere, L."""
        gram = self.rows.T @ self.rows / len(self.rows)
        return float(np.linalg.eigvalsh(gram)[-1]) / 4 + self.penalty

    def optimum(self) -> float:
        """Smallest loss."""
        start = np.zeros(self.rows.shape[1])
        solution = minimize(
            self.loss, start, jac=True, hess=self.hessian, method="trust-exact", options={"gtol": 1e-10}
        ).x
        # One full Newton step more: the stopping rule leaves an error of about 1e-20 / penalty.
        solution = solution - np.linalg.solve(self.hessian(solution), self.loss(solution)[1])
        return self.loss(solution)[0]


@dataclass(frozen=True)
class Curve:
    """
    A method with one learning rate.

    Attributes
    ----------
    rate : float
        Learning rate times L.
    gaps : list of float
        Loss on all rows less its optimum, after each step; mean over the seeds.
    beta : float
        Mean momentum coefficient.
    """

    rate: float
    gaps: list[float]
    beta: float

    @property
    def result(self) -> float:
        """Median gap over the last steps, infinite after a divergence."""
        tail = self.gaps[-TAIL:]
        return max(float(np.median(tail)), FLOOR) if np.all(np.isfinite(tail)) else float("inf")

    def numbers(self) -> dict[str, Any]:
        """What there is to know, with four digits."""
        gaps = [float(f"{gap:.3e}") for gap in self.gaps]
        return {"rate": self.rate, "beta": round(self.beta, 4), "result": self.result, "gaps": gaps}


def train(problem: LogisticRegression, rule: momo_core.Rule, batches: Iterable[Any]) -> tuple[Vector, Vector]:
    """Loss on all rows and momentum coefficient after each step, from zero."""
    params = [np.zeros(problem.rows.shape[1])]
    state = rule.init(params)
    losses, betas = [], []
    for subset in batches:
        loss, grad = problem.loss(params[0], subset)
        params, state, info = rule.step(params, [grad], loss, state)
        losses.append(problem.loss(params[0])[0])
        betas.append(float(info.beta))
    return np.array(losses), np.array(betas)


def batches_of(problem: LogisticRegression, size: int | None, seed: int) -> list[Any]:
    """Rows of each step: all, or `size` drawn at random."""
    if size is None:
        return [slice(None)] * STEPS
    rng = np.random.default_rng(seed)
    return [rng.choice(len(problem.rows), size, replace=False) for _ in range(STEPS)]


def curves(problem: LogisticRegression, method: str, size: int | None) -> list[Curve]:
    """A curve for each learning rate."""
    name, hyper, _ = METHODS[method]
    smoothness, optimum = problem.smoothness(), problem.optimum()
    results = []
    for rate in RATES:
        rule = momo_core.KINDS[name].checked_rule({**hyper, "learning_rate": rate / smoothness})
        seeds = SEEDS if size else SEEDS[:1]
        runs = [train(problem, rule, batches_of(problem, size, seed)) for seed in seeds]
        losses = np.mean([losses for losses, _ in runs], axis=0)
        beta = float(np.mean([betas for _, betas in runs]))
        results.append(Curve(rate, (losses - optimum).tolist(), beta))
    return results


Results = Mapping[str, Mapping[str, Sequence[Curve]]]


def best(candidates: Sequence[Curve]) -> Curve:
    """The curve with the smallest gap at the end; of equal ones that with the smallest sum of gaps."""
    return min(candidates, key=lambda curve: (curve.result, sum(curve.gaps)))


def draw(path: Path, title: str, results: Results) -> None:
    """Write the picture: a column for each table."""
    figure = Figure(figsize=(15, 7), layout="constrained")
    panels = figure.subplots(2, len(results), sharey="row")
    for column, (name, methods) in enumerate(results.items()):
        panels[0, column].set_title(name)
        draw_curves(panels[0, column], methods)
        draw_rates(panels[1, column], methods)
    panels[0, 0].set_ylabel("loss − optimum,\neach with its best learning rate")
    panels[1, 0].set_ylabel(f"loss − optimum,\nmedian of the last {TAIL} of {STEPS} steps")
    for axes in panels.flat:
        axes.set_yscale("log")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.suptitle(title)
    handles, labels = panels[1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=110)


def draw_curves(axes: Axes, methods: Mapping[str, Sequence[Curve]]) -> None:
    """Draw the gap against the step."""
    for method, candidates in methods.items():
        curve = best(candidates)
        steps = range(1, STEPS + 1)
        label = f"{curve.rate:g}/L"
        gaps = np.maximum(curve.gaps, FLOOR)
        axes.plot(steps, gaps, color=METHODS[method][2], linewidth=1.8, label=label)
    axes.legend(frameon=False, fontsize="small", title="learning rate", title_fontsize="small")
    axes.set_xlabel("step")


def draw_rates(axes: Axes, methods: Mapping[str, Sequence[Curve]]) -> None:
    """Draw the gap at the end against the learning rate."""
    for method, candidates in methods.items():
        gaps = [curve.result for curve in candidates]
        axes.plot(RATES, gaps, color=METHODS[method][2], linewidth=1.8, marker="o", label=method)
    axes.set_xscale("log", base=2)
    axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes.set_xlabel("learning rate × L")


def markdown(results: Results) -> str:
    """Table of the gaps at the end: rows are tables and methods, columns are learning rates."""
    header = ["table", "method", *(f"{rate:g}/L" for rate in RATES), "mean beta"]
    lines = [header, ["---", "---", *["---:"] * (len(RATES) + 1)]]
    for name, methods in results.items():
        for method, candidates in methods.items():
            chosen = best(candidates)
            gaps = [
                f"**{curve.result:.0e}**" if curve is chosen else f"{curve.result:.0e}"
                for curve in candidates
            ]
            lines.append([name, method, *gaps, f"{chosen.beta:.2f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def numbers(results: Results) -> dict[str, Any]:
    """The results for JSON."""
    return {
        name: {method: [curve.numbers() for curve in candidates] for method, candidates in methods.items()}
        for name, methods in results.items()
    }


def main() -> None:
    """Run everything and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the pictures and numbers")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    problems = {name: LogisticRegression.load(name) for name in TABLES}
    written = {}
    for label, size, suffix in (("all rows", None, ""), (f"batches of {BATCH}", BATCH, "_minibatch")):
        results = {
            name: {method: curves(problem, method, size) for method in METHODS}
            for name, problem in problems.items()
        }
        draw(folder / f"am_logistic{suffix}.png", f"logistic regression, {label}", results)
        print(f"### {label}\n\n{markdown(results)}\n")
        written[label] = numbers(results)
    (folder / "am_logistic.json").write_text(json.dumps(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

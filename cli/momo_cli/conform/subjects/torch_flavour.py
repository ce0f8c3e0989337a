"""Optimizers like those of ``torch.optim``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch

from momo_spec import OptimizerSpec
from momo_spec.problem import Problem, Step

from .arguments import Arguments, takes_argument
from .base import PartialWriteError, Taken, UnsupportedError


class TorchSubject:
    """
    A PyTorch optimizer, called as in a training loop.

    The loss goes to ``step(loss=...)`` where there is such an argument, and is what the closure
    returns elsewhere.  What ``last_info`` tells is compared too, if there is one.
    """

    dtypes = ("float64", "float32", "float16", "bfloat16")

    def __init__(
        self, name: str, factory: Callable[..., Any], arguments: Arguments, spec: OptimizerSpec
    ) -> None:
        self.name = name
        self._factory = factory
        self._arguments = arguments
        self._needs_loss = spec.needs_loss

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        """Take the steps on the CPU."""
        kind = getattr(torch, dtype)
        leaves = [torch.nn.Parameter(torch.tensor(param, dtype=kind)) for param in problem.x0]
        built = self._factory(self._groups(problem, leaves), **self._arguments(problem.hyper))
        for step in steps:
            if len(step.grads) != len(leaves):
                raise UnsupportedError("a gradient belongs to its parameter, none can be left out of a list")
            self._set_rate(built, problem, step)
            for leaf, grad in zip(leaves, step.grads, strict=True):
                leaf.grad = None if grad is None else torch.tensor(grad, dtype=kind)
            self._step(built, leaves, step.loss)
            yield _taken(built, leaves)

    def _groups(self, problem: Problem, leaves: list[torch.nn.Parameter]) -> list[Any]:
        if not problem.groups:
            return list(leaves)
        members: list[list[Any]] = [[] for _ in problem.groups]
        for leaf, index in zip(leaves, problem.group_of, strict=True):
            members[index].append(leaf)
        own = [self._arguments.of_group(group) for group in problem.groups]
        return [{"params": params, **hyper} for params, hyper in zip(members, own, strict=True)]

    def _set_rate(self, built: Any, problem: Problem, step: Step) -> None:
        """A rate of a single step is that of all groups that have none of their own."""
        if "learning_rate" not in step.hyper:
            return
        name = self._arguments.name("learning_rate")
        fixed = [index for index, group in enumerate(problem.groups) if "learning_rate" in group]
        for index, group in enumerate(built.param_groups):
            if index not in fixed:
                group[name if name in group else "lr"] = step.hyper["learning_rate"]

    def _step(self, built: Any, leaves: list[torch.nn.Parameter], loss: float | None) -> None:
        before = [leaf.detach().clone() for leaf in leaves]
        try:
            self._call(built, leaves[0].dtype, loss)
        except Exception as error:
            if not all(map(torch.equal, before, leaves)):
                raise PartialWriteError(f"changed parameters and then raised {error!r}") from error
            raise

    def _call(self, built: Any, dtype: torch.dtype, loss: float | None) -> None:
        if loss is None or not self._needs_loss:
            built.step()
            return
        value = torch.tensor(loss, dtype=torch.promote_types(dtype, torch.float32))
        built.step(loss=value) if takes_argument(built.step, "loss") else built.step(lambda: value)


def _taken(built: Any, leaves: list[torch.nn.Parameter]) -> Taken:
    told = built.last_info._asdict() if hasattr(built, "last_info") else {}
    info = {name: float(value) for name, value in told.items() if value is not None}
    skipped = info.pop("skipped", None)
    return Taken(
        [leaf.detach().to("cpu", torch.float64, copy=True).numpy() for leaf in leaves],
        info,
        None if skipped is None else operator.truth(skipped),
    )


make_subject = TorchSubject

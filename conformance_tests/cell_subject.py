"""A cell in one of its modes, as the judge of `momo conform` asks for it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance_tests.cells import Cell
from momo_cli.conform.subjects.base import Taken, UnsupportedError
from momo_spec import load_spec
from momo_spec.problem import Problem, Step


@dataclass(frozen=True)
class CellSubject:
    """
    An optimizer in a cell.

    Attributes
    ----------
    cell : Cell
    optimizer : str
    mode, device : str
    """

    cell: Cell
    optimizer: str
    mode: str
    device: str = "cpu"

    @property
    def name(self) -> str:
        return f"{self.cell.name}, {self.mode}"

    @property
    def dtypes(self) -> Sequence[str]:
        return self.cell.modes[self.mode]

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        """Take all steps, then tell of each."""
        if missing := self.missing(problem, steps):
            raise UnsupportedError(missing)
        groups: dict[str, Any] = {}
        if problem.groups:
            groups = {"groups": list(map(dict, problem.groups)), "group_of": list(problem.group_of)}
        trajectory = self.cell.run(
            self.optimizer,
            dict(problem.hyper),
            list(problem.x0),
            [_told(step) for step in steps],
            dtype=dtype,
            device=self.device,
            mode=self.mode,
            **groups,
        )
        count = 0
        for told in trajectory:
            info = dict(told["info"])
            skipped = info.pop("skipped")
            count += skipped
            if told["skipped_steps"] != count:
                raise ValueError(f"skipped_steps is {told['skipped_steps']} after {count} skipped steps")
            yield Taken(told["params"], info, skipped)

    def missing(self, problem: Problem, steps: Sequence[Step]) -> str:
        """What a run asks for that adapters have no place for; empty if there is nothing."""
        if self.cell.is_core:
            return ""
        if reason := self.cell.missing(self.optimizer, self.mode):
            return reason
        if any(step.batch is None and len(step.grads) != len(problem.x0) for step in steps):
            return "a gradient belongs to its parameter, none can be left out of a list"
        if problem.groups and not self.cell.has_groups:
            return "no parameter groups"
        hyper = load_spec(self.optimizer).hyper
        internal = [name for name in problem.hyper if name in hyper and hyper[name].internal]
        if internal:
            return f"no argument for {internal[0]}"
        return ""


def _told(step: Step) -> dict[str, Any]:
    """A step as drivers are told: values for this step alone only where there are some."""
    told: dict[str, Any] = {"grads": list(step.grads), "loss": step.loss}
    if step.batch is not None:
        told = {"batch": {"inputs": step.batch.inputs, "targets": step.batch.targets}}
    return {**told, "hyper": dict(step.hyper)} if step.hyper else told

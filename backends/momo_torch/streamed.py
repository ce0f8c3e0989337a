"""
A step that sweeps over the tensors and keeps nothing of a sweep but its sums.

The core computes everything before anything is written, which takes several times the memory of
the parameters.  Here the first sweeps only add, the next one moves each chunk to learn what that
does to the model, and the last one computes all of it again and writes.  The functions are the core's.

On a CPU, where a number is read without waiting, the sweep that moves writes at once if the sums
bound everything that it computes, as they do unless a training diverges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from momo_core import Info, State, phases
from momo_core.arrays import all_finite, cast, infinite_unless_finite, leaf_dtype
from momo_core.direction import Leaf, Scalars
from momo_core.overflow import growth_of, stays_finite
from momo_core.phases import Accumulated, GroupCoefficients
from momo_core.reduction import Parts
from momo_core.step import Step, Store

from . import rows
from .chunks import Chunk, chunks_of, fit_into_a_chunk
from .norms import Norms
from .workspace import Workspace


@dataclass
class Part:
    """A chunk, and what the core's functions take beside its arrays."""

    chunk: Chunk
    numbers: Leaf
    coefficients: Scalars
    group: GroupCoefficients
    fresh: Tensor | bool
    kept: tuple[Tensor, Accumulated] | None = None

    def tensor(self, names: Sequence[str]) -> tuple[Leaf, Scalars, GroupCoefficients, Tensor | bool]:
        """The arguments of the core's functions, with the averages `names`."""
        leaf = {name: self.chunk.read(name) for name in names} | self.numbers
        return leaf, self.coefficients, self.group, self.fresh


class StreamedStep(Step):
    """As `momo_core.step.Step`, but `apply` and `commit` write in place, and return no tensors."""

    def begin(
        self,
        loss: Any,
        groups: Sequence[Mapping[str, Any]] | None,
        group_of: Sequence[int] | None,
        fresh: Sequence[Tensor] | None,
    ) -> None:
        """Coefficients of the groups and of the averages, and the chunks."""
        super().begin(loss, groups, group_of, fresh)
        self.adds: Sequence[bool] | None = getattr(self.reduction, "adds", None)
        self.on_host = self.adds is None and rows.on_host(self.like)
        self.written = False
        self.norms = Norms(self.like.dtype)
        self.is_small = fit_into_a_chunk([self.params[index] for index in self.moving])
        self.is_fresh = torch.stack(self.fresh).tolist() if rows.on_host(self.like) else None
        # What is computed of a small model is kept, so that it needs arrays of its own.
        self.space: Any = rows if self.is_small else Workspace()
        self.silent = self.space.without_sums
        self.parts = [self._part(chunk) for chunk in self._chunks()]
        self.holders = [self.moving[part.chunk.positions[0]] for part in self.parts]

    def measure(self) -> None:
        """Choose the coefficients that depend on sums, for all tensors together or for each."""
        direction = self.rule.direction
        if direction.measure is None:
            return
        sums = []
        for part in self.parts:
            param = self._opened(part)
            tensor = param, part.chunk.read("grad"), *part.tensor(direction.leaf_state)
            sums.append(phases.measure(direction, *tensor, xp=self.space)[1])
        if self.by_tensor:
            chosen = self.choose_each(self._of_tensors(sums))
        else:
            chosen = self.choose_shared(*self._of_all(list(map(_totals, sums))))
        for part in self.parts:
            own = chosen[0]
            if self.by_tensor:
                own = {name: part.chunk.numbers([each[name] for each in chosen]) for name in own}
            part.coefficients = {**part.coefficients, **own}

    def choose_each(self, sums: Parts) -> list[Scalars]:
        """Coefficients of each tensor from its own sums, of all tensors at once."""
        choose = self.rule.direction.choose
        assert choose is not None
        columns = zip(*self.reduction.of_each(sums, self.moving), strict=True)
        vectors = [torch.stack(column) for column in columns]
        self.checked += [infinite_unless_finite(vector, xp=rows).sum() for vector in vectors]
        chosen = choose(self.scope, vectors, self.hyper, xp=self.xp)
        self.scope |= {name: vector.mean() for name, vector in chosen.items()}
        each = zip(*(vector.expand_as(vectors[0]).unbind() for vector in chosen.values()), strict=True)
        return [dict(zip(chosen, values, strict=True)) for values in each]

    def accumulate(self) -> None:
        """Average each tensor, add the sums, solve for the step size."""
        sums = []
        for part in self.parts:
            param, work = self._accumulated(part, self.space)
            if self.is_small:
                part.kept = param, work
            sums.append(_totals(work.sums))
            if self.on_host and self.rule.direction.move is None:
                self.norms.add(param, work.leaf["grad_avg"], work.direction)
        self.solve_from(*self._of_all(sums))

    def apply(self, store: Store | None) -> None:
        """Move each tensor and see what that does to the model; write it, if nothing can go wrong."""
        self.store, self.written = store, self.rule.on_nonfinite == "propagate"
        if self.on_host and not self.written:
            if not all_finite(self.checked, xp=self.xp):
                return
            self.written = self._stays_small()
        self.space = rows if self.is_small else Workspace(in_place=self.written)
        self.silent = self.space.without_sums
        changes: list[list[Tensor]] = []
        late: list[tuple[Part, dict[str, Tensor]]] = []
        for part in self.parts:
            param, leaf, new = self._moved(part)
            change = phases.model_change(param, new, leaf["grad_avg"], self.like.dtype, xp=self.space)
            changes.append(_totals([change]))
            late += [(part, {"param": new, **leaf})] if self.written else []
            # Whatever goes wrong before the last tensor is computed, a small model is as it was.
            late = late if self.is_small else _write_all(late)
        _write_all(late)
        self.predict_from(*self._of_all(changes))

    def commit(self) -> tuple[list[Tensor], State, Info]:
        """Write, if the step is taken, what `apply` has not written."""
        finite = self.decide()
        if not self.written and not (rows.on_host(finite) and not finite):
            for part in self.parts:
                self._write(part, finite)
        return [], *self.report((), finite)

    def _write(self, part: Part, finite: Tensor) -> None:
        """Write a chunk where the step is finite, one array after the other to hold few of them."""
        _, leaf, new = self._moved(part)
        values = {"param": new, **{name: leaf[name] for name in self.rule.direction.leaf_names}}
        del leaf, new
        for name in list(values):
            old = part.numbers[name] if name in part.numbers else part.chunk.read(name)
            part.chunk.write({name: self.xp.where(finite, values.pop(name), old)})

    def _chunks(self) -> list[Chunk]:
        """The tensors with a gradient in chunks, each of one group and added by one rank."""
        direction = self.rule.direction
        tensors, numbers, kinds = [], [], []
        for index, leaf, group in zip(self.moving, self.leaves, self.groups, strict=True):
            param, grad = self.params[index], self.grads[index]
            assert grad is not None
            averages = {name: leaf[name] for name in direction.leaf_state}
            tensors.append({"param": param, "grad": grad, **averages})
            numbers.append({name: leaf[name] for name in direction.tensor_state})
            kinds.append((id(group), param.dtype, grad.dtype, self.adds and self.adds[index]))
        arrays = len(direction.leaf_state) * (3 if direction.measure else 1)
        return chunks_of(tensors, numbers, kinds, arrays)

    def _part(self, chunk: Chunk) -> Part:
        first = chunk.positions[0]
        numbers = {
            name: chunk.numbers([leaf[name] for leaf in self.leaves]).clone()
            for name in self.rule.direction.tensor_state
        }
        return Part(chunk, numbers, self.coefficients[first], self.groups[first], self._fresh(chunk))

    def _fresh(self, chunk: Chunk) -> Tensor | bool:
        """Whether gradients are the first ones: False where none is known to be, else as an array."""
        if self.is_fresh is not None and not any(self.is_fresh[position] for position in chunk.positions):
            return False
        return chunk.numbers(self.fresh)

    def _accumulated(self, part: Part, xp: Any) -> tuple[Tensor, Accumulated]:
        """Parameters of a chunk, and the chunk half-way through the step; the sums are those of `xp`."""
        direction, param, grad = self.rule.direction, self._opened(part), part.chunk.read("grad")
        leaf, coefficients, group, fresh = part.tensor(direction.leaf_state)
        if direction.measure is not None:
            leaf, _ = phases.measure(direction, param, grad, leaf, coefficients, group, fresh, xp=self.silent)
        tensor, slope = (param, grad, leaf, coefficients, group, fresh), self.rule.model.needs_loss
        return param, phases.accumulate(direction, *tensor, slope=slope, xp=xp)

    def _moved(self, part: Part) -> tuple[Tensor, Leaf, Tensor]:
        """Parameters of a chunk before the step; averages and parameters after it."""
        direction = self.rule.direction
        param, work = part.kept or self._accumulated(part, self.silent)
        leaf, new = phases.apply(direction, param, work, self.scope, part.group, xp=self.space)
        return param, leaf, self.store(param, new) if self.store else cast(new, param.dtype, xp=self.xp)

    def _opened(self, part: Part) -> Tensor:
        """The parameters of a chunk; the results of the one before are forgotten."""
        param = part.chunk.read("param")
        if not self.is_small:
            self.space.restart(param, leaf_dtype(param, xp=rows))
        return param

    def _of_all(self, sums: list[list[Tensor]]) -> tuple[Parts, list[int]]:
        """Sums of chunks and the tensors that hold them; of all chunks in one where every rank has all."""
        if self.adds is not None:
            return sums, self.holders
        columns = zip(*sums, strict=True)
        return [[torch.stack(column).sum() for column in columns]], self.holders[:1]

    def _of_tensors(self, sums: Parts) -> Parts:
        """Sums of each tensor, from those of the chunks."""
        added: dict[int, list[Tensor]] = {}
        for part, some in zip(self.parts, sums, strict=True):
            columns = [column.view(-1).unbind() for column in some]
            for position, *row in zip(part.chunk.positions, *columns, strict=True):
                before = added.get(position)
                added[position] = row if before is None else [a + b for a, b in zip(before, row, strict=True)]
        return [added[position] for position in range(len(self.moving))]

    def _stays_small(self) -> bool:
        """Whether nothing that `apply` computes can overflow, as the Euclidean norms say."""
        norms = self.norms.read()
        if not norms:
            return False
        dtypes = {self.params[index].dtype for index in self.moving}
        finite: bool = stays_finite(
            growth_of({id(group): group for group in self.groups}.values()),
            self.scope,
            norms["param"],
            norms["grad_avg"],
            norms["direction"],
            largest_stored=min(torch.finfo(dtype).max for dtype in dtypes),
            largest=min(torch.finfo(torch.promote_types(dtype, torch.float32)).max for dtype in dtypes),
        )
        return finite


def _write_all(late: list[tuple[Part, dict[str, Tensor]]]) -> list[tuple[Part, dict[str, Tensor]]]:
    """Write chunks; nothing is left to write."""
    for part, values in late:
        part.chunk.write(values)
    return []


def _totals(sums: Sequence[Tensor]) -> list[Tensor]:
    """Sums over all rows of a chunk."""
    return [column if column.ndim == 0 else column.sum() for column in sums]

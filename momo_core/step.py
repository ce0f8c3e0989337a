"""One step of a rule on its way through the phases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import phases
from .arrays import Array, Namespace, all_finite, as_scalar, cast, infinite_unless_finite
from .direction import Leaf, Scalars
from .reduction import Parts, Reduction, add_sums
from .state import GROUP_HYPER, Info, State

if TYPE_CHECKING:
    from .rule import Rule

Store = Callable[[Array, Array], Array]

_TAKEN = ("step_size", "truncation", "beta_k")


class Step:
    """
    One step.  `begin`, `measure`, `accumulate`, `apply` and `commit` are called in this order.

    Who sums over the tensors by other means calls `solve` and `predict` with the sums.

    Parameters
    ----------
    rule, params, grads, state, xp, reduction
        As for `Rule.step`.
    hyper : dict
        All hyper-parameters, with this step's values.
    """

    def __init__(
        self,
        rule: Rule,
        params: Sequence[Array],
        grads: Sequence[Array | None],
        state: State,
        xp: Namespace,
        hyper: dict[str, Any],
        reduction: Reduction,
    ) -> None:
        self.rule, self.params, self.grads, self.state = rule, params, grads, state
        self.xp, self.raw, self.reduction = xp, hyper, reduction
        self.moving = [index for index, grad in enumerate(grads) if grad is not None]
        self.like = state.scalars["weight"]
        self.hyper = {name: self.number(value) for name, value in hyper.items() if name not in GROUP_HYPER}
        self.checked: list[Array] = []

    def number(self, value: Any) -> Any:
        """A flag or a choice as it is, a number as an array of the scalars' dtype."""
        return value if isinstance(value, bool | str) else as_scalar(value, self.like, xp=self.xp)

    def begin(
        self,
        loss: Any,
        groups: Sequence[Mapping[str, Any]] | None,
        group_of: Sequence[int] | None,
        fresh: Sequence[Array] | None,
    ) -> None:
        """Coefficients of the groups and of the averages."""
        xp, scalars = self.xp, self.state.scalars
        settings = [{**self.raw, **group} for group in groups or [{}]]
        rates = [self.number(setting["learning_rate"]) for setting in settings]
        largest = rates[0]
        for rate in rates[1:]:
            largest = xp.maximum(largest, rate)
        coefficients = [
            phases.group_coefficients(rate, largest, setting["weight_decay"], self.hyper, xp=xp)
            for rate, setting in zip(rates, settings, strict=True)
        ]
        self.groups = [coefficients[group_of[index] if group_of else 0] for index in self.moving]
        first = scalars["weight"] == 0
        self.fresh = [first if fresh is None else fresh[index] for index in self.moving]
        self.scope = {**scalars, "max_learning_rate": largest}
        common = self.rule.direction.begin(self.scope, self.hyper, xp=xp)
        self.scope |= common
        self.coefficients = [common for _ in self.moving]
        self.leaves = [self.state.leaves[index] for index in self.moving]
        if loss is not None:
            self.scope["loss"] = as_scalar(loss, self.like, xp=xp)

    def measure(self) -> None:
        """Choose the coefficients that depend on sums, for all tensors together or for each."""
        if self.rule.direction.choose is None:
            return
        measured = [
            phases.measure(self.rule.direction, self.params[index], self.grads[index], *tensor, xp=self.xp)
            for index, tensor in zip(self.moving, self._tensors(), strict=True)
        ]
        self.leaves = [leaf for leaf, _ in measured]
        self.choose_from([parts for _, parts in measured])

    def choose_from(self, sums: Parts) -> None:
        """Choose the coefficients of the tensors with a gradient from the sums of each."""
        chosen = self.choose_each(sums) if self.by_tensor else self.choose_shared(sums, self.moving)
        self.coefficients = [{**common, **own} for common, own in zip(self.coefficients, chosen, strict=True)]

    @property
    def by_tensor(self) -> bool:
        """Whether each tensor has coefficients of its own."""
        return bool(self.hyper.get("beta_scope") == "tensor")

    def choose_shared(self, sums: Parts, indices: Sequence[int]) -> list[Scalars]:
        """Coefficients of all tensors from the sums of parts of the tensors `indices`; one for each."""
        choose = self.rule.direction.choose
        assert choose is not None
        total = self.reduction.of_all(sums, indices)
        self.checked += total
        shared = choose(self.scope, total, self.hyper, xp=self.xp)
        self.scope |= shared
        return [shared for _ in self.moving]

    def choose_each(self, sums: Parts) -> list[Scalars]:
        """Coefficients of each tensor from its own sums."""
        choose = self.rule.direction.choose
        assert choose is not None
        sums = self.reduction.of_each(sums, self.moving)
        self._check_each(sums)
        chosen = [choose(self.scope, parts, self.hyper, xp=self.xp) for parts in sums]
        self.scope |= {name: sum(each[name] for each in chosen) / len(chosen) for name in chosen[0]}
        return chosen

    def accumulate(self) -> None:
        """Average each tensor, add the sums, solve for the step size."""
        self.work = [
            phases.accumulate(
                self.rule.direction,
                self.params[index],
                self.grads[index],
                *tensor,
                slope=self.rule.model.needs_loss,
                xp=self.xp,
            )
            for index, tensor in zip(self.moving, self._tensors(), strict=True)
        ]
        self.solve_from([work.sums for work in self.work], self.moving)

    def solve_from(self, parts: Parts, indices: Sequence[int]) -> None:
        """Add the sums of parts of the tensors `indices`, and find the step size."""
        if "loss" in self.scope:
            sums, self.scope["loss"] = self.reduction.with_loss(parts, indices, self.scope["loss"])
            self.checked.append(self.scope["loss"])
        else:
            sums = self.reduction.of_all(parts, indices)
        self.checked += sums
        self.solve(dict(zip((*phases.SUMS, *self.rule.direction.watched), sums, strict=True)))

    def solve(self, sums: Scalars) -> None:
        """Find the step size from the sums over all tensors, by name."""
        self.scope |= self.rule.model.solve(self.scope, sums, self.hyper, xp=self.xp)

    def apply(self, store: Store | None) -> None:
        """Move each tensor and see what that does to the model."""
        xp = self.xp
        self.moved: list[tuple[Leaf, Array]] = []
        changes = []
        for index, work, group in zip(self.moving, self.work, self.groups, strict=True):
            param = self.params[index]
            leaf, new = phases.apply(self.rule.direction, param, work, self.scope, group, xp=xp)
            new = store(param, new) if store else cast(new, param.dtype, xp=xp)
            self.moved.append((leaf, new))
            changes.append([phases.model_change(param, new, leaf["grad_avg"], self.like.dtype, xp=xp)])
        self.predict_from(changes, self.moving)

    def predict_from(self, changes: Parts, indices: Sequence[int]) -> None:
        """Add what the move of parts of the tensors `indices` changes, and predict the loss."""
        change = self.reduction.of_all(changes, indices)[0]
        self.checked.append(change)
        self.predict(change)
        if "model_value" in self.scope:
            self.checked.append(self.scope["predicted_loss"])

    def predict(self, change: Array) -> None:
        """Loss that the model predicts after a move that changes it by `change`, if there is a model."""
        if "model_value" in self.scope:
            self.scope["predicted_loss"] = self.scope["model_value"] + change

    def commit(self) -> tuple[list[Array], State, Info]:
        """The new parameters and state, or the old ones where something is not finite."""
        xp, old = self.xp, self.state
        finite = self.decide()
        params, leaves = list(self.params), list(old.leaves)
        for index, (leaf, new) in zip(self.moving, self.moved, strict=True):
            params[index] = xp.where(finite, new, self.params[index])
            leaves[index] = phases.choose(finite, leaf, old.leaves[index], xp=xp)
        return params, *self.report(leaves, finite)

    def decide(self) -> Array:
        """
        Whether the step is taken, shape ().

        Raises
        ------
        FloatingPointError
            With ``on_nonfinite="raise"``, if something is not finite.
        """
        finite = all_finite(self.checked, xp=self.xp)
        if self.rule.on_nonfinite == "raise" and not bool(finite):
            raise FloatingPointError(f"{self.rule.name}: a loss, gradient or result is not finite")
        return self.xp.ones_like(finite) if self.rule.on_nonfinite == "propagate" else finite

    def report(self, leaves: Sequence[Leaf], finite: Array) -> tuple[State, Info]:
        """The new state, with these leaves, and what the step did."""
        xp, old = self.xp, self.state.scalars
        scalars = phases.choose(finite, self.scope, old, xp=xp)
        counter = old["skipped_steps"]
        scalars["skipped_steps"] = counter + xp.astype(~finite, counter.dtype)
        return State(tuple(leaves), scalars), self.info(scalars, finite)

    def info(self, scalars: Scalars, finite: Array) -> Info:
        """What the step did."""
        zero = self.xp.zeros_like(self.like)
        momentum = "beta_t" if "beta_t" in self.scope else "beta_k"
        step_size, truncation, beta = (
            self.xp.where(finite, self.scope[name], zero) for name in ("step_size", "truncation", momentum)
        )
        return Info(
            step_size=step_size,
            truncation=truncation,
            lower_bound=scalars.get("lower_bound_estimate", self.hyper.get("lower_bound")),
            predicted_loss=scalars.get("predicted_loss"),
            beta=beta,
            skipped=~finite,
        )

    def idle(self) -> Info:
        """A step without any gradient: nothing happens."""
        self.scope = {name: self.xp.zeros_like(self.like) for name in _TAKEN}
        return self.info(self.state.scalars, self.like == self.like)

    def _tensors(self) -> list[tuple[Leaf, Scalars, phases.GroupCoefficients, Array]]:
        """State, coefficients, group and freshness of each moving tensor."""
        return list(zip(self.leaves, self.coefficients, self.groups, self.fresh, strict=True))

    def _check_each(self, sums: Parts) -> None:
        """Check the sums of each tensor, all of them in one number for each sum."""
        # With a check for each tensor, compiled code would grow with their square.
        checks = [[infinite_unless_finite(part, xp=self.xp) for part in parts] for parts in sums]
        self.checked += self.reduction.kept(add_sums(checks))

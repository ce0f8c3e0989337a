"""
Optimizers with a direction of one's own.

A direction needs gradient averages ``grad_avg`` with known weights and a vector ``direction`` with
``<grad_avg, direction> > 0``, computed from that same average: the step-size models need nothing
else of it.  Where the product is not positive, the cut model takes no step.

>>> import numpy as np
>>> import momo_core
>>> def precondition(grad, grad_avg, leaf, hyper, *, xp):
...     size = 0.9 * leaf["size"] + 0.1 * xp.abs(grad)
...     return {"size": size}, grad_avg / (size + hyper["eps"])
>>> direction = momo_core.preconditioned(precondition, ["size"])
>>> hyper = {"beta": (0.9, "[0, 1)"), "eps": (1e-8, "(0, inf)")}
>>> kind = momo_core.own_kind("mine", direction, hyper=hyper)
>>> rule = kind.checked_rule({"learning_rate": 1.0, "lower_bound": 0.0})
>>> params = [np.array([3.0, -4.0])]
>>> params, state, info = rule.step(params, params, 12.5, rule.init(params))
>>> params[0].round(4).tolist(), round(float(info.truncation), 4)
([1.2143, -2.2143], 0.1786)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .arrays import Array, Namespace
from .direction import Direction, Hyper, Leaf, Scalars, average, weights
from .rule import Kind
from .rules import FRAMES
from .validate import HyperDomain, HyperTable, InvalidValueError, check_hyper


def preconditioned(
    precondition: Callable[..., tuple[Leaf, Array]],
    leaf_state: Sequence[str] = (),
    *,
    init_leaf: Callable[..., Leaf] | None = None,
) -> Direction:
    """
    Direction that applies a function to the average of the gradients.

    The average is that of MoMo-Adam: it starts at zero, and its weight is accounted for.  The
    optimizer needs the hyper-parameter ``beta``, the weight of the past in the average.

    Parameters
    ----------
    precondition : (grad, grad_avg, leaf, hyper, *, xp) -> (leaf, direction)
        Called once a step for each tensor, with all numbers of the hyper-parameters as arrays
        of shape ().  `leaf` is the state of the tensor, the new one is returned; `direction`
        has the shape of the tensor and a positive inner product with `grad_avg`.
    leaf_state : sequence of str
        Names of that state.
    init_leaf : (param, *, xp) -> leaf, optional
        First values of that state, of any shape; zeros like the tensor where it says nothing.
    """

    def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
        numbers = {name: value for name, value in hyper.items() if not isinstance(value, bool | str)}
        return {**numbers, **weights(hyper["beta"], scalars)}

    def accumulate(
        grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
    ) -> tuple[Leaf, Array]:
        grad_avg = average(grad, leaf, coefficients, fresh, xp=xp)
        state, moved = precondition(grad, grad_avg, leaf, coefficients, xp=xp)
        return {"grad_avg": grad_avg, **state}, moved

    return Direction(
        leaf_state=("grad_avg", *leaf_state),
        scalar_state={"weight": 0.0},
        begin=begin,
        accumulate=accumulate,
        watched=tuple(leaf_state),
        init_leaf=init_leaf,
    )


def own_kind(
    name: str,
    direction: Direction,
    *,
    model: str = "cut",
    hyper: Mapping[str, tuple[float | bool, str]],
) -> Kind:
    """
    An optimizer of one's own: a direction with a step-size model.

    ``own_kind(...).checked_rule({...})`` is a rule; the packages for the frameworks take the
    kind itself.

    Parameters
    ----------
    name : str
        Written into checkpoints.
    direction : Direction
        See `preconditioned` for one that averages as MoMo-Adam does.
    model : "cut" or "fixed"
        The Polyak step of the averaged model, capped by the learning rate, or that rate.
    hyper : mapping of str to (default, domain)
        The direction's own hyper-parameters: a number with an interval such as ``"[0, 1)"``, or
        a bool with ``""``.  ``learning_rate``, ``weight_decay`` and those of the model come of
        themselves.

    Raises
    ------
    InvalidValueError
        If there is no such model, a name is taken, a default is outside of its domain, or the
        direction lacks ``grad_avg`` or ``weight``.
    """
    if model not in FRAMES:
        raise InvalidValueError(
            f"Invalid model: {model!r} (must be one of {', '.join(FRAMES)})", "E_OWN_MODEL"
        )
    step_size, frame = FRAMES[model]
    if taken := sorted(set(hyper) & set(frame.hyper)):
        raise InvalidValueError(f"Invalid hyper: {', '.join(taken)} comes with the model", "E_OWN_HYPER")
    if "grad_avg" not in direction.leaf_state or "weight" not in direction.scalar_state:
        message = "Invalid direction: it must keep grad_avg for each tensor, and weight"
        raise InvalidValueError(message, "E_OWN_DIRECTION")
    own = {key: _domain(key, default, domain) for key, (default, domain) in hyper.items()}
    table = HyperTable({**frame.hyper, **own}, frame.constraints)
    check_hyper(table, {key: default for key, (default, _) in hyper.items()})
    return Kind(name, direction, step_size, table)


def _domain(name: str, default: float | bool, domain: str) -> HyperDomain:
    """What the specification would say about a hyper-parameter."""
    return HyperDomain(
        kind="flag" if isinstance(default, bool) else "number",
        default=default,
        domain=domain,
        message=f"Invalid {name}: {{value}}",
        code=f"E_{name.upper()}",
        internal=False,
    )

"""The state of a Keras optimizer as plain data, for another framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from momo_core import InvalidValueError, PortableState, Rule, State

if TYPE_CHECKING:
    from .adapter import ModelBasedOptimizer
    from .slots import Variable


def portable_state(optimizer: ModelBasedOptimizer) -> PortableState:
    """
    The state as plain data, which `momo_core.save_state` writes and every framework reads.

    Its tensors are in the order of `build`, their names the paths of the variables.  Moving
    averages of the model variables, ``use_ema``, are not in it.

    Raises
    ------
    InvalidValueError
        Before `build`, or between the micro-steps of accumulated gradients.
    """
    variables = _variables(optimizer)
    steps, rest = divmod(int(_array(optimizer._iterations)), _micro_steps(optimizer))
    if rest:
        message = f"{rest} of {_micro_steps(optimizer)} gradients are accumulated: finish the step first"
        raise InvalidValueError(message, "E_STATE_MIDWAY")
    slots = optimizer._slots
    names = [variable.path for variable in variables]
    return PortableState.of(
        _rule(optimizer),
        State(tuple(_arrays(leaf) for leaf in slots.leaves), _arrays(slots.scalars)),
        steps=steps,
        tensor_steps=[steps * int(started) for started in _array(slots.started)],
        names=names if len(set(names)) == len(names) else (),
    )


def load_portable_state(optimizer: ModelBasedOptimizer, saved: PortableState) -> None:
    """
    Go on from a state that any framework has saved; settings and variables stay as they are.

    Numbers are rounded to the dtypes of this optimizer's state where those are narrower.
    Gradients that are accumulated are forgotten.

    Raises
    ------
    InvalidValueError
        Before `build`, or if it is the state of another rule or of other tensors; nothing is
        loaded then.
    """
    plain = saved.restored(_rule(optimizer), _variables(optimizer))
    slots = optimizer._slots
    for own, leaf in zip(slots.leaves, plain.leaves, strict=True):
        _assign(own, leaf)
    _assign(slots.scalars, plain.scalars)
    slots.started.assign(np.asarray(saved.tensor_steps) > 0)
    optimizer._iterations.assign(saved.steps * _micro_steps(optimizer))
    sums = [sum_ for sum_ in getattr(optimizer, "_accumulated_gradients", ()) if sum_ is not None]
    for variable in (*slots.info.values(), slots.loss_sum, *sums):
        variable.assign(ops.zeros(variable.shape, variable.dtype))


def _variables(optimizer: ModelBasedOptimizer) -> list[Variable]:
    """The model variables, in the order of the state."""
    if not optimizer.built:
        raise InvalidValueError("the optimizer has no state yet: call build(variables)", "E_STATE_UNBUILT")
    return list(optimizer._trainable_variables)


def _micro_steps(optimizer: ModelBasedOptimizer) -> int:
    """How many gradients make a step."""
    return optimizer.gradient_accumulation_steps or 1


def _rule(optimizer: ModelBasedOptimizer) -> Rule:
    """The rule with the settings that it has between steps."""
    rate = optimizer.get_config()["learning_rate"]
    settings = {"learning_rate": rate, "weight_decay": optimizer.weight_decay or 0.0}
    return optimizer._kind.rule({**optimizer._rule().hyper, **settings})


def _array(variable: Variable) -> Any:
    return np.asarray(ops.convert_to_numpy(variable))


def _arrays(variables: dict[str, Variable]) -> dict[str, Any]:
    return {name: _array(variable) for name, variable in variables.items()}


def _assign(variables: dict[str, Variable], arrays: dict[str, Any]) -> None:
    for name, variable in variables.items():
        variable.assign(ops.convert_to_tensor(arrays[name], variable.dtype))

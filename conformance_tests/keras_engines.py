"""
The steps of Keras by the engines of each backend; run in a process that has this Keras backend.

`test_keras.py` calls every function here whose name begins with that of its backend.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any
from unittest import mock

import keras
import numpy as np

from conformance_tests.keras_models import X, build, fit, numpy_of
from conformance_tests.own_directions import example
from conformance_tests.roundings import assert_rounded
from momo_keras import Momo, MomoAdam, driver

SHAPES = ((3, 4), (5,), (300, 300), (2,))
STEPS = 4
ROUNDINGS = 13
"""Of a move of MomoAdam by a given step size: averages 3 and 4, their ratio with its root 4, the move 2."""

HYPER = {"learning_rate": 0.1, "weight_decay": 0.1}


@contextmanager
def kernels(allowed: bool) -> Iterator[None]:
    switches = dict.fromkeys(("MOMO_TORCH_FUSED", "MOMO_JAX_FUSED"), str(int(allowed)))
    with mock.patch.dict("os.environ", switches):
        yield


def arrays(seed: int, shapes: Any = SHAPES) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape).astype(np.float32) for shape in shapes]


def variables(seed: int = 0) -> list[keras.Variable]:
    return [keras.Variable(array, dtype="float32") for array in arrays(seed)]


def gradients() -> list[list[Any]]:
    """Of four steps: one with a number that is not finite, and one without some."""
    steps: list[list[Any]] = [list(arrays(1 + step)) for step in range(STEPS)]
    steps[1][2][0, 0] = np.inf
    steps[2][0] = None
    return steps


def run_of_torch(rule: str) -> tuple[list[np.ndarray], list[dict[str, np.ndarray]], str]:
    """What `momo_torch` makes of the parameters and their states; the last parameter does not decay."""
    import torch

    from momo_torch import driver as torch_driver

    params = [torch.nn.Parameter(torch.tensor(array)) for array in arrays(0)]
    groups = [{"params": params[:-1]}, {"params": params[-1:], "weight_decay": 0.0}]
    optimizer = torch_driver.construct(rule, HYPER, groups)
    for step, grads in enumerate(gradients()):
        for param, grad in zip(params, grads, strict=True):
            param.grad = None if grad is None else torch.tensor(grad)
        optimizer.step(loss=1.0 + step)
    states = [
        {name: value.numpy() for name, value in optimizer.state[param].items() if name != "step"}
        for param in params
    ]
    return [param.detach().numpy() for param in params], states, optimizer.implementation


def torch_takes_the_steps_of_momo_torch() -> None:
    """To the bit, by the kernels and without them, with skipped steps, late and excluded variables."""
    for rule, allowed in product(("momo_adam", "am_adamw"), (True, False)):
        with kernels(allowed):
            params, states, implementation = run_of_torch(rule)
            optimizer, given = driver.construct(rule, HYPER), variables()
        optimizer.exclude_from_weight_decay(var_list=given[-1:])
        optimizer.build(given)
        for step, grads in enumerate(gradients()):
            tensors = [None if grad is None else keras.ops.convert_to_tensor(grad) for grad in grads]
            optimizer.apply(tensors, given, loss=1.0 + step)
            assert int(optimizer.skipped_steps.numpy()) == min(step, 1), rule
        assert optimizer.implementation == implementation
        assert implementation == ("fused" if allowed else "generic (MOMO_TORCH_FUSED=0)")
        for variable, leaf, param, state in zip(given, optimizer._slots.leaves, params, states, strict=True):
            np.testing.assert_array_equal(numpy_of(variable), param)
            for name, value in state.items():
                np.testing.assert_array_equal(numpy_of(leaf[name]), value)


def torch_kernels_follow_a_model_that_moves() -> None:
    """Variables in new memory, as after ``model.to``, take the steps; the old memory stays as it is."""
    with kernels(True):
        moved, stayed = (build(Momo(0.1)) for _ in range(2))
    for model in (moved, stayed):
        fit(model, x=X[:8])
    old = [weight.value.data for weight in moved.weights]
    before = [tensor.clone().numpy() for tensor in old]
    for weight in moved.weights:
        weight.value.data = weight.value.data.clone()
    for model in (moved, stayed):
        fit(model, x=X[:8])
        assert model.optimizer.implementation == "fused"
    for one, other in zip(moved.get_weights(), stayed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for tensor, value in zip(old, before, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), value)


def torch_stateless_steps_write_nothing() -> None:
    """`stateless_apply` returns what `apply` writes, and leaves what it was given as it is."""
    capped = 1e9  # so large a loss that no step size depends on the order of a sum
    for allowed in (True, False):
        with kernels(allowed):
            optimizer, given = MomoAdam(0.1), variables()
            optimizer.build(given)
        values, state = ([each.value for each in some] for some in (given, optimizer.variables))
        before = [tensor.detach().clone().numpy() for tensor in (*values, *state)]
        grads = [keras.ops.convert_to_tensor(grad) for grad in arrays(1)]
        new, _ = optimizer.stateless_apply(state, grads, values, loss=capped)
        for tensor, value in zip((*values, *state), before, strict=True):
            np.testing.assert_array_equal(tensor.detach().numpy(), value)
        for variable, grad in zip(given, grads, strict=True):
            variable.value.grad = grad + 1
        optimizer.apply(grads, given, loss=capped)
        for variable, value, old, grad in zip(given, new, arrays(0), grads, strict=True):
            found, wanted = numpy_of(variable), numpy_of(value)
            assert_rounded(found, wanted, 2 * ROUNDINGS, "float32", terms=abs(old) + abs(wanted - old))
            assert bool((variable.value.grad == grad + 1).all())


def torch_says_why_no_kernel_steps() -> None:
    import torch

    with kernels(True):
        mine = example("keras").Mine(0.1)
        for optimizer, dtype, reason in (
            (MomoAdam(0.1), torch.float64, "gradients of another dtype or device"),
            (mine, torch.float32, f"there are no kernels for {mine.rule_name}"),
        ):
            given = variables()
            optimizer.build(given)
            assert optimizer.implementation == "none"
            optimizer.apply([torch.tensor(grad, dtype=dtype) for grad in arrays(1)], given, loss=1.0)
            assert optimizer.implementation == f"generic ({reason})"


def function_of_tensorflow(jit_compile: bool) -> tuple[MomoAdam, list[Any], Any]:
    """An optimizer, its variables, and its step as a function."""
    import tensorflow as tf

    optimizer, given = MomoAdam(0.1), variables()
    optimizer.build(given)
    signature = [tf.TensorSpec(shape) for shape in SHAPES]
    step = tf.function(
        lambda *grads: optimizer.apply(grads, given, loss=1.0), signature, jit_compile=jit_compile
    )
    return optimizer, given, step


def operations(graph: Any) -> list[Any]:
    """Of a graph and of the branches of its conditions."""
    functions = (
        [function.graph for function in graph._functions.values()] if hasattr(graph, "_functions") else []
    )
    return [each for some in (graph, *functions) for each in some.get_operations()]


def tensorflow_selects_numbers_only() -> None:
    """Nothing of the size of a variable is selected but by XLA, which meets no condition instead."""
    for jit_compile in (False, True):
        *_, step = function_of_tensorflow(jit_compile)
        found = operations(step.get_concrete_function().graph)
        conditions = [each for each in found if each.type in ("If", "StatelessIf")]
        selected = [each for each in found if "Select" in each.type and each.outputs[0].shape.rank]
        assert (not conditions, bool(selected)) == (jit_compile, jit_compile)


def tensorflow_writes_nothing_of_a_step_that_is_not_finite() -> None:
    for jit_compile in (False, True):
        optimizer, given, step = function_of_tensorflow(jit_compile)
        step(*arrays(1))
        kept = [*given, *(slot for leaf in optimizer._slots.leaves for slot in leaf.values())]
        before = [numpy_of(variable) for variable in kept]
        grads = arrays(2)
        grads[0][0, 0] = np.nan
        step(*grads)
        assert numpy_of(optimizer.skipped)
        for variable, value in zip(kept, before, strict=True):
            np.testing.assert_array_equal(numpy_of(variable), value)


def jax_keeps_nothing_large_between_the_phases() -> None:
    """A step that is compiled as `fit` does it holds for itself at most 5 % of the parameters."""
    import jax

    shapes = ((512, 512),) * 4
    optimizer, given = MomoAdam(0.1), [keras.Variable(array) for array in arrays(0, shapes)]
    optimizer.build(given)

    def step(values: Any, state: Any, grads: Any) -> Any:
        return optimizer.stateless_apply(state, grads, values, loss=1.0)

    values, state = ([each.value for each in some] for some in (given, optimizer.variables))
    compiled = jax.jit(step, donate_argnums=(0, 1)).lower(values, state, arrays(1, shapes)).compile()
    assert 20 * compiled.memory_analysis().temp_size_in_bytes <= sum(value.nbytes for value in values)


def jax_takes_compiled_steps_by_kernels() -> None:
    """And says so; without kernels the steps are the same within rounding."""
    import jax

    grads = arrays(1)
    found = {}
    for allowed in (True, False):
        optimizer, given = MomoAdam(0.1), variables()
        optimizer.build(given)
        assert optimizer.implementation == "none"
        values, state = ([each.value for each in some] for some in (given, optimizer.variables))
        with kernels(allowed):
            step = jax.jit(lambda *arrays, made=optimizer: made.stateless_apply(*arrays, loss=1e9))
            found[allowed], _ = step(state, grads, values)
        assert optimizer.implementation == ("fused" if allowed else "generic (MOMO_JAX_FUSED=0)")
        optimizer.apply(grads, given, loss=1e9)
        assert optimizer.implementation == "generic (not compiled)"
    for one, other, old in zip(found[True], found[False], arrays(0), strict=True):
        terms = abs(old) + abs(numpy_of(other) - old)
        assert_rounded(numpy_of(one), numpy_of(other), 2 * ROUNDINGS, "float32", terms=terms)

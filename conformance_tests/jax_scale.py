"""
Every rule on eight simulated devices, in a process of its own; the trajectories go to a file.

Gradients and losses are given, so that the trajectory on one device is known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from conformance_tests.profiles import PARTS, PROFILE
from momo_jax import driver
from momo_spec import load_spec, spec_names
from momo_spec.bounds import Rows, flattened

DEVICES = 8
STEPS = 4
PLACES = {
    "both": ((4, 4), P("data", "model")),
    "rows": ((8, 3), P("model")),
    "whole": ((3,), P()),
}
"""Shapes of the tensors, and how each lies on the mesh of 2 x 4 devices."""

SPECS = {name: spec for name, (_, spec) in PLACES.items()}

Tree = dict[str, Any]


def hyper_of(rule: str) -> dict[str, Any]:
    """Hyper-parameters with which steps are cut and momentum is chosen, so that all sums matter."""
    spec = load_spec(rule)
    rate = 2.0 if spec.needs_loss else 0.05
    wanted = {"learning_rate": rate, "weight_decay": 0.25, "adapt_lower_bound": True}
    known = {name for name, hyper in spec.hyper.items() if hyper.domain != "[0, 0]"}
    return {name: value for name, value in wanted.items() if name in known}


def problem() -> tuple[Tree, Tree, Any]:
    """Parameters; for each step and each of two samples, their gradients and the loss."""
    random = np.random.default_rng(5)
    params = {name: random.normal(size=shape) for name, (shape, _) in PLACES.items()}
    grads = {name: random.normal(size=(STEPS, 2, *shape)) for name, (shape, _) in PLACES.items()}
    return params, grads, random.uniform(3, 4, size=(STEPS, 2))


def take(optimizer: Any, carry: Any, batch: Any) -> tuple[Any, Any]:
    """A step with given gradients and a given loss."""
    (params, state), (grads, loss) = carry, batch
    updates, state = optimizer.update(grads, state, params, value=loss)
    params = optax.apply_updates(params, updates)
    return (params, state), params


def under_jit(rule: str, kind: AxisType) -> Rows:
    """An array is the whole array, and the compiler adds over the devices."""
    mesh = jax.make_mesh((2, 4), ("data", "model"), axis_types=(kind, kind))
    params, grads, losses = problem()
    params = {name: jax.device_put(param, NamedSharding(mesh, SPECS[name])) for name, param in params.items()}
    means = {
        name: jax.device_put(grad.mean(1), NamedSharding(mesh, P(None, *SPECS[name])))
        for name, grad in grads.items()
    }
    optimizer = driver.make(rule, hyper_of(rule))
    traces: list[int] = []

    @jax.jit
    def run(carry: Any, batches: Any) -> Any:
        traces.append(1)
        return jax.lax.scan(partial(take, optimizer), carry, batches)

    with jax.set_mesh(mesh) if kind is AxisType.Explicit else nullcontext():
        carry, rows = (params, optimizer.init(params)), [params]
        for half in (slice(0, 2), slice(2, 4)):
            batches = {name: mean[half] for name, mean in means.items()}, losses.mean(1)[half]
            carry, moved = run(carry, batches)
            rows += each_step(moved, 2)
    assert len(traces) == 1, "the second call traces again"
    for name, param in params.items():
        for array in (carry[0][name], *(tree[name] for tree in carry[1].averages.values())):
            assert array.sharding.is_equivalent_to(param.sharding, array.ndim), f"{name} has moved"
    check_replicas(carry)
    return np.array([flattened(list(row.values())) for row in rows])


def in_shard_map(rule: str) -> Rows:
    """Each device has its part of the tensors, and samples of its own: their means are the caller's."""
    mesh = jax.make_mesh((2, 4), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
    params, grads, losses = problem()
    optimizer = driver.make(rule, hyper_of(rule))
    grads["both"] = grads["both"].mean(1)
    state = optimizer.init(params)
    state_specs = jax.tree.map(lambda _: P(), state)._replace(averages=dict.fromkeys(state.averages, SPECS))
    by_sample = {name: P(None, "data", *spec) for name, spec in SPECS.items() if name != "both"}

    def run(params: Tree, state: Any, grads: Tree, losses: Any) -> Any:
        means = {name: jax.lax.pmean(grad[:, 0], "data") for name, grad in grads.items() if name != "both"}
        batches = {**means, "both": grads["both"]}, jax.lax.pmean(losses[:, 0], "data")
        assert jax.tree.map(jax.typeof, optimizer.init(params)) == jax.tree.map(jax.typeof, state)
        return jax.lax.scan(partial(take, optimizer), (params, state), batches)

    sharded = jax.shard_map(
        run,
        mesh=mesh,
        in_specs=(
            SPECS,
            state_specs,
            {**by_sample, "both": P(None, *SPECS["both"])},
            P(None, "data"),
        ),
        out_specs=((SPECS, state_specs), {name: P(None, *spec) for name, spec in SPECS.items()}),
    )
    carry, moved = jax.jit(sharded)(params, state, grads, losses)
    check_replicas(carry)
    return np.array([flattened(list(row.values())) for row in [params, *each_step(moved, STEPS)]])


def each_step(stacked: Tree, steps: int) -> list[Tree]:
    return [{name: array[index] for name, array in stacked.items()} for index in range(steps)]


def check_replicas(tree: Any) -> None:
    """Devices that hold the same part hold the same bits."""
    for array in jax.tree.leaves(tree):
        parts: dict[str, Any] = {}
        for shard in array.addressable_shards:
            first = parts.setdefault(str(shard.index), shard.data)
            assert np.asarray(first).tobytes() == np.asarray(shard.data).tobytes(), "replicas differ"
        assert len(array.addressable_shards) == DEVICES


WAYS: dict[str, Callable[[str], Rows]] = {
    "auto": partial(under_jit, kind=AxisType.Auto),
    "explicit": partial(under_jit, kind=AxisType.Explicit),
    "shard_map": in_shard_map,
}


BY_DAY = {"auto": PARTS, "explicit": PARTS[::2], "shard_map": PARTS}
"""The rules that have all parts; a half of them where only types differ from another way."""


def runs() -> Iterator[tuple[str, str]]:
    """Ways and rules, by day those of `BY_DAY`."""
    for way in WAYS:
        for rule in spec_names():
            if rule in BY_DAY[way] or PROFILE == "nightly":
                yield way, rule


def main(file: str) -> None:
    """Write the trajectories by ``way/rule``."""
    assert jax.device_count() == DEVICES
    with jax.enable_x64(True):
        np.savez(file, **{f"{way}/{rule}": WAYS[way](rule) for way, rule in runs()})


if __name__ == "__main__":
    main(sys.argv[1])

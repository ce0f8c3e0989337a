"""JAX on a mesh of devices: the same steps as on one, or a refusal that says what to average."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import momo_jax
from conformance_tests import jax_scale
from conformance_tests.comparisons import Trajectory, assert_within, core_rows, rounding
from conformance_tests.profiles import PARTS, mostly
from momo_core import InvalidValueError
from momo_spec import spec_names
from momo_spec.bounds import Rows

XLA_FLAGS = (
    f"--xla_force_host_platform_device_count={jax_scale.DEVICES}",
    # How the compiler spreads a step over devices is what counts here, not how well it optimises.
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
)


@pytest.fixture(scope="module")
def trajectories(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Rows]:
    """Those of every rule in every way, by ``way/rule``."""
    file = tmp_path_factory.mktemp("scale") / "trajectories.npz"
    environment = {
        **os.environ,
        "XLA_FLAGS": " ".join(XLA_FLAGS),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    command = [sys.executable, "-m", jax_scale.__name__, str(file)]
    project = Path(__file__).parents[1]
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(np.load(file))


def on_one_device() -> Trajectory:
    """The same problem with the mean gradients and losses of the samples."""
    params, grads, losses = jax_scale.problem()
    means = [{name: grad[step].mean(0) for name, grad in grads.items()} for step in range(jax_scale.STEPS)]
    steps = [{"grads": list(mean.values()), "loss": losses[step].mean()} for step, mean in enumerate(means)]
    return list(params.values()), steps


def assert_as_on_one_device(trajectory: Rows, rule: str) -> None:
    hyper, run = jax_scale.hyper_of(rule), on_one_device()
    bound = rounding(rule, hyper, run)
    assert_within(trajectory, core_rows(rule, hyper, run), bound, bound)


@pytest.mark.parametrize("rule", mostly(spec_names(), PARTS))
@pytest.mark.reliability("R78")
def test_automatic_mesh(trajectories: Mapping[str, Rows], rule: str) -> None:
    """Over eight devices, sharded and replicated tensors move as on one device, within the bound."""
    assert_as_on_one_device(trajectories[f"auto/{rule}"], rule)


@pytest.mark.parametrize("rule", mostly(spec_names(), jax_scale.BY_DAY["explicit"]))
@pytest.mark.reliability("R79")
def test_explicit_mesh(trajectories: Mapping[str, Rows], rule: str) -> None:
    """With the sharding in the types it is the same, and the types of the state stay as they are."""
    assert_as_on_one_device(trajectories[f"explicit/{rule}"], rule)


@pytest.mark.parametrize("rule", mostly(spec_names(), PARTS))
@pytest.mark.reliability("R76", "R78")
def test_shard_map(trajectories: Mapping[str, Rows], rule: str) -> None:
    """In `shard_map` the sums of split tensors are added over their devices, without an argument."""
    assert_as_on_one_device(trajectories[f"shard_map/{rule}"], rule)


def traced_in_shard_map(function: Any, *, split: bool) -> None:
    """Trace ``function(params, update)`` where parameters are split over an axis, or on each device."""
    mesh = jax.make_mesh((1,), ("data",), axis_types=(AxisType.Auto,))
    optimizer = momo_jax.momo()

    def step(params: Any) -> Any:
        state = optimizer.init(params)
        return function(params, partial(optimizer.update, state=state, params=params))

    spec = P("data") if split else P()
    mapped = jax.shard_map(step, mesh=mesh, in_specs=spec, out_specs=P())
    jax.eval_shape(mapped, jnp.ones(4))


@pytest.mark.reliability("R75")
def test_loss_of_one_device_is_refused() -> None:
    """A loss that each device has of its own samples is an error that names the axes."""

    def step(params: Any, update: Any) -> Any:
        return update(params, value=jax.lax.axis_index("data"))[0]

    with pytest.raises(InvalidValueError, match=r"loss varies over the mesh axes data.*pmean") as error:
        traced_in_shard_map(step, split=False)
    assert error.value.code == "E_LOSS_AXES"


@pytest.mark.reliability("R75")
def test_gradients_of_one_device_are_refused() -> None:
    """A gradient that was not averaged, of a parameter that is on every device, is an error."""

    def step(params: Any, update: Any) -> Any:
        return update(params * jax.lax.axis_index("data"), value=1.0)[0]

    with pytest.raises(InvalidValueError, match=r"gradient 0 varies over the mesh axes data") as error:
        traced_in_shard_map(step, split=False)
    assert error.value.code == "E_GRADS_AXES"


def test_parameters_marked_as_varying_are_refused() -> None:
    """Parameters that were marked to keep gradients apart would count once for each device."""

    def step(params: Any, update: Any) -> Any:
        return update(jax.lax.pmean(params, "data"), value=1.0)[0]

    with pytest.raises(InvalidValueError, match=r"no mesh axis, its parameter over the mesh axes data"):
        traced_in_shard_map(step, split=True)


def test_gradient_of_a_replicated_parameter_is_the_sum_over_devices() -> None:
    """Why nothing is averaged here: JAX adds such gradients itself, and the type does not tell."""
    mesh = jax.make_mesh((1,), ("data",), axis_types=(AxisType.Auto,))

    def step(params: Any, samples: Any) -> Any:
        own = jax.grad(lambda params: (params * samples).sum())(params)
        assert not momo_jax.mesh.varying_axes(own)
        return own

    mapped = jax.shard_map(step, mesh=mesh, in_specs=(P(), P("data")), out_specs=P())
    assert str(jax.make_jaxpr(mapped)(1.0, jnp.ones(2))).count("psum") == 1

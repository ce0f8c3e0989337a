"""A state that is saved in one framework goes on in another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance_tests import own_directions
from conformance_tests.cells import KERAS_BACKENDS, process_pool
from conformance_tests.portable_legs import FRAMEWORKS, run_relay
from conformance_tests.portable_states import assert_same_state, stepped
from conformance_tests.profiles import PROFILE
from conformance_tests.strategies import hypers, trajectories
from momo_core import InvalidTypeError, InvalidValueError, load_state, save_state
from momo_spec import load_spec, spec_names
from momo_spec.vector_file import Vector, load_vectors

ROUND = ("torch", "jax", *(f"keras-{backend}" for backend in KERAS_BACKENDS), "core", "torch")
"""Every framework, and back where it began."""

pytestmark = pytest.mark.xdist_group("keras")


def vectors(optimizer: str, tier: str) -> list[Vector]:
    """Golden vectors that every framework can run: one group, public settings."""
    public = {name for name, hyper in load_spec(optimizer).hyper.items() if not hyper.internal}
    return [
        vector
        for vector in load_vectors(optimizer).tests
        if vector.tier == tier
        and "float32" in vector.dtypes
        and not vector.problem.groups
        and set(vector.problem.hyper) <= public
    ]


def telling(optimizer: str, tier: str, count: int) -> list[Vector]:
    """The vectors that go through most different branches, the longest of them first."""

    def variety(vector: Vector) -> tuple[int, int]:
        return len({expected.branch for expected in vector.expect}), len(vector.steps)

    return sorted(vectors(optimizer, tier), key=variety, reverse=True)[:count]


def with_a_late_tensor(optimizer: str) -> Vector | None:
    """A vector in whose first step a tensor has no gradient, but another one."""

    def is_late(vector: Vector) -> bool:
        first, second = ([grad is None for grad in step.grads] for step in vector.steps[:2])
        return any(first) and not all(first) and not all(second)

    return next((vector for vector in vectors(optimizer, "T0") if vector.steps[1:] and is_late(vector)), None)


LATE = {optimizer: vector for optimizer in spec_names() if (vector := with_a_late_tensor(optimizer))}


def relay(vector: Vector, frameworks: Sequence[str], shares: Sequence[int], folder: Path) -> Any:
    steps = [{"grads": step.grads, "loss": step.loss, "hyper": dict(step.hyper)} for step in vector.steps]
    start, hyper = list(vector.problem.x0), dict(vector.problem.hyper)
    return run_relay(
        frameworks, shares, vector.algorithm, hyper, start, steps, dtype="float32", folder=folder
    )


def assert_expected(rows: Any, vector: Vector) -> None:
    """Parameters and info after each step, to the bit."""
    for index, ((params, info), expected) in enumerate(zip(rows, vector.expect, strict=True)):
        place = f"{vector.comment}, step {index}"
        for ours, theirs in zip(params, expected.params, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=place)
        for name in expected.info.keys() & info.keys():
            assert info[name] == expected.info[name], f"{place}: {name}"


@pytest.mark.reliability("R74")
@pytest.mark.parametrize("optimizer", spec_names())
def test_every_framework_goes_on_where_another_stopped(optimizer: str, tmp_path: Path) -> None:
    """
    A run that changes the framework after 0, 1 and more steps is the uninterrupted run, bit for bit.

    On problems without rounding, from PyTorch to JAX, to Keras on each of its backends, to NumPy and
    back, and the other way round.
    """
    for vector in telling(optimizer, "T0", 2 if PROFILE == "nightly" else 1):
        for frameworks, shares in ((ROUND, [0, 1, 1, 1, 1, 1, 0]), (ROUND[::-1], [1, 1, 0, 1, 1, 0, 0])):
            assert_expected(relay(vector, frameworks, shares, tmp_path), vector)
            handed_on = load_state(tmp_path / f"{len(frameworks) - 1}.safetensors")
            relay(vector, ["core"], [0], tmp_path)
            assert_same_state(handed_on, load_state(tmp_path / "0.safetensors"))


@pytest.mark.reliability("R47", "R74")
@pytest.mark.parametrize("optimizer", LATE)
def test_who_had_no_gradient_yet_is_new_in_the_next_framework(optimizer: str, tmp_path: Path) -> None:
    """The first gradient of a tensor may come after a change of the framework."""
    for framework in FRAMEWORKS:
        for frameworks in ((framework, "core"), ("core", framework)):
            assert_expected(relay(LATE[optimizer], frameworks, [1, 0], tmp_path), LATE[optimizer])


@pytest.mark.reliability("R74")
@pytest.mark.parametrize("optimizer", spec_names())
def test_a_relay_stays_within_the_bound_of_one_run(
    optimizer: str, tmp_path: Path, record_property: Any
) -> None:
    """On arbitrary numbers, a run that changes the framework keeps the bound of a run that does not."""
    vector, worst = telling(optimizer, "T2", 1)[0], 0.0
    rows = relay(vector, ROUND, [2, 2, 2, 1, 1, 1, 0], tmp_path)
    for index, ((params, _), expected) in enumerate(zip(rows, vector.expect, strict=True)):
        parts = [(ours - theirs).ravel() for ours, theirs in zip(params, expected.params, strict=True)]
        error = float(np.linalg.norm(np.concatenate(parts)))
        bound = vector.tol["f32"]["params"][index]
        assert error <= bound, f"step {index}: {error / bound:.3g} bounds away"
        worst = max(worst, error / bound)
    record_property("error over bound, relay of frameworks, float32", worst)


@pytest.mark.reliability("R63", "R74")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_goes_on_from_its_own_file_bit_for_bit(framework: str, tmp_path: Path) -> None:
    """Saving and loading before any step changes no bit of a run, whatever the numbers are."""
    slow = framework.startswith("keras") or framework == "jax"

    @given(st.data())
    @settings(max_examples=4 if slow else 4 * len(spec_names()))
    def check(data: st.DataObject) -> None:
        optimizer = data.draw(st.sampled_from(spec_names()))
        hyper = data.draw(hypers(optimizer))
        params, plain = data.draw(trajectories(max_steps=5))
        dtype = data.draw(st.sampled_from(["float32", "float64"]))
        steps = [{**step, "hyper": {}} for step in plain]
        where = data.draw(st.integers(0, len(steps)))
        whole, parts = (
            run_relay(
                [framework] * len(cuts), cuts, optimizer, hyper, params, steps, dtype=dtype, folder=tmp_path
            )
            for cuts in ([0], [where, 0])
        )
        for (straight, info), (resumed, again) in zip(whole, parts, strict=True):
            assert info == again
            for left, right in zip(straight, resumed, strict=True):
                np.testing.assert_array_equal(left, right)

    check()


def test_half_precision_parameters_keep_a_float32_state() -> None:
    """A state of bfloat16 parameters is float32 and goes on to the bit."""
    torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")

    def build() -> tuple[Any, Any]:
        leaf = torch.nn.Parameter(torch.linspace(-1, 1, 7, dtype=torch.bfloat16))
        return leaf, momo_torch.MomoAdam([leaf])

    def step(leaf: Any, optimizer: Any) -> None:
        leaf.grad = leaf.detach().clone()
        optimizer.step(loss=0.7)

    leaf, optimizer = build()
    step(leaf, optimizer)
    state = optimizer.portable_state()
    assert {array.dtype.name for array in state.tensors[0].values()} == {"float32"}
    other_leaf, other = build()
    other_leaf.data.copy_(leaf.data)
    other.load_portable_state(state)
    for pair in ((leaf, optimizer), (other_leaf, other)):
        step(*pair)
    assert torch.equal(leaf, other_leaf)
    assert_same_state(optimizer.portable_state(), other.portable_state())


def test_a_saved_state_does_not_move_with_the_optimizer() -> None:
    """Steps taken after saving, and loading twice, leave the state as it was saved."""
    torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
    leaf = torch.nn.Parameter(torch.ones(3))
    optimizer = momo_torch.Momo([leaf])
    states = []
    for _ in range(2):
        leaf.grad = leaf.detach().clone()
        optimizer.step(loss=1.5)
        states.append(optimizer.portable_state())
    first = states[0].scalars["predicted_loss"].copy()
    optimizer.load_portable_state(states[0])
    optimizer.step(loss=2.5)
    assert states[0].scalars["predicted_loss"] == first
    assert states[1].steps == 2


@pytest.mark.reliability("R74")
def test_names_put_tensors_in_another_order() -> None:
    """PyTorch lists parameters as registered, JAX sorts the keys of a dict: names tell which is which."""
    torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
    jax, momo_jax = pytest.importorskip("jax"), pytest.importorskip("momo_jax")
    layer = torch.nn.Linear(3, 2)
    optimizer = momo_torch.Momo(layer.named_parameters())
    layer(torch.ones(3)).sum().backward()
    optimizer.step(loss=4.0)
    state = optimizer.portable_state()
    assert state.names == ("weight", "bias")
    params = {name: jax.numpy.asarray(param.detach().numpy()) for name, param in layer.named_parameters()}
    made = momo_jax.momo()
    with pytest.raises(InvalidValueError):
        momo_jax.from_portable(state, made, params)
    loaded = momo_jax.from_portable(state.in_order(sorted(params)), made, params)
    for name, param in layer.named_parameters():
        average = optimizer.state[param]["grad_avg"].numpy()
        np.testing.assert_array_equal(loaded.averages["grad_avg"][name], average)
    assert momo_jax.portable_state(loaded, made).names == ("bias", "weight")
    for names in (["weight", "nobody"], ["weight", "weight"]):
        with pytest.raises(InvalidValueError):
            state.in_order(names)


def test_jax_asks_for_the_optimizer_itself() -> None:
    """A chain hides whose state it is: a TypeError says what to pass."""
    optax, momo_jax = pytest.importorskip("optax"), pytest.importorskip("momo_jax")
    made, params = momo_jax.momo(), [np.ones(2, np.float32)]
    chain = optax.chain(optax.clip(1.0), made)
    for call in (
        lambda: momo_jax.portable_state(chain.init(params), made),
        lambda: momo_jax.portable_state(made.init(params), chain),
        lambda: momo_jax.from_portable(stepped("momo"), chain, params),
    ):
        with pytest.raises(InvalidTypeError) as caught:
            call()
        assert caught.value.code == "E_STATE_TYPE"
    inner = chain.init(params)[1]
    assert momo_jax.portable_state(inner, made).rule == "momo"


def test_a_schedule_is_no_setting_to_save() -> None:
    """The header has the settings with a fixed value."""
    momo_jax = pytest.importorskip("momo_jax")
    made = momo_jax.momo(lambda count: 1.0 / (1 + count), beta=0.5)
    state = momo_jax.portable_state(made.init([np.ones(2, np.float32)]), made)
    assert "learning_rate" not in state.hyper
    assert state.hyper["beta"] == 0.5


@pytest.mark.parametrize("backend", KERAS_BACKENDS)
def test_accumulated_gradients_are_not_portable(backend: str) -> None:
    process_pool(backend).submit(check_accumulation).result()


def check_accumulation() -> None:
    """Between micro-steps there is no state to save; loading forgets the gradients that are accumulated."""
    import keras

    import momo_keras

    optimizer = momo_keras.Momo(gradient_accumulation_steps=2)
    variable = keras.Variable(np.ones(3, np.float32))
    gradient = keras.ops.ones(3)
    for _ in range(2):
        optimizer.apply([gradient], [variable], loss=1.0)
    state, value = optimizer.portable_state(), np.array(variable.numpy())
    assert state.steps == 1
    ends = []
    for noise in (False, True):
        variable.assign(value)
        if noise:
            optimizer.apply([100 * gradient], [variable], loss=50.0)
            with pytest.raises(InvalidValueError) as caught:
                optimizer.portable_state()
            assert caught.value.code == "E_STATE_MIDWAY"
        optimizer.load_portable_state(state)
        for _ in range(2):
            optimizer.apply([gradient], [variable], loss=1.0)
        ends.append(np.array(variable.numpy()))
        assert optimizer.portable_state().steps == 2
    np.testing.assert_array_equal(*ends)


def test_the_examples_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("momo_torch")
    pytest.importorskip("momo_jax")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parent.parent / "docs" / "portable.md").read_text(encoding="utf-8")
    scope: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, scope)
    assert int(scope["state"].count) == 1
    saved = load_state("momo.safetensors")
    flipped = scope["transposed"](saved, 0)
    assert flipped.tensors[0]["grad_avg"].shape == (3, 2)
    save_state("flipped.safetensors", flipped)
    average = load_state("flipped.safetensors").tensors[0]["grad_avg"]
    np.testing.assert_array_equal(average, saved.tensors[0]["grad_avg"].T)


def test_every_error_code_is_documented() -> None:
    root = Path(__file__).parent.parent
    sources = (root / "momo_core/portable.py", *root.glob("backends/*/portable.py"))
    text = (root / "docs" / "portable.md").read_text(encoding="utf-8")
    codes = {f"E_STATE_{code}" for path in sources for code in re.findall(r'"([A-Z]+)"\)', path.read_text())}
    codes |= {code for path in sources for code in re.findall(r'"(E_STATE_\w+)"', path.read_text())}
    assert codes
    assert {code for code in codes if code not in text} == set()


@pytest.mark.reliability("R74", "R76")
def test_sharded_tensors_save_and_load_the_whole_state() -> None:
    """A state of whole tensors goes on in DTensors, each rank with its part; saving gathers it again."""
    pytest.importorskip("torch.distributed", reason="not run: this PyTorch has no torch.distributed")
    from conformance_tests.portable_ranks import states
    from conformance_tests.ranks import run_ranks

    for seen in run_ranks(states):
        assert seen["before"].steps == 0
        assert seen["saved"].steps == 2
        assert_same_state(seen["loaded"], seen["saved"])


EIGHT_DEVICES = """
import jax, momo_jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
mesh = jax.make_mesh((8,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
sharding = NamedSharding(mesh, PartitionSpec("x"))
made = momo_jax.momo_adam()
whole = {"w": jax.numpy.arange(16.0)}
_, state = made.update(whole, made.init(whole), whole, value=1.0)
saved = momo_jax.portable_state(state, made)
split = jax.device_put(whole, sharding)
loaded = momo_jax.from_portable(saved, made, split)
again = momo_jax.portable_state(loaded, made)
first = made.init(split)
assert jax.tree.map(lambda row: row.sharding, loaded) == jax.tree.map(lambda row: row.sharding, first)
assert loaded.averages["grad_avg"]["w"].sharding == sharding
np.testing.assert_array_equal(again.tensors[0]["grad_avg"], saved.tensors[0]["grad_avg"])
print("equal on", len(jax.devices()))
"""


@pytest.mark.reliability("R74")
def test_a_jax_state_is_sharded_as_its_parameters_are() -> None:
    """A state that is loaded lies on the devices where that of a new optimizer would."""
    pytest.importorskip("momo_jax")
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run(
        [sys.executable, "-c", EIGHT_DEVICES],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | flags,
    )
    assert ran.stdout.strip() == "equal on 8", ran.stderr


def test_a_direction_of_ones_own_is_portable(tmp_path: Path) -> None:
    """State of shapes of its own travels like any other, under the name of the optimizer."""
    torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
    mine = type("Mine", (momo_torch.OwnOptimizer,), {"kind": own_directions.full_matrix()})
    ends = []
    for cut in (0, 5):
        leaves = [torch.nn.Parameter(torch.tensor(own_directions.START[0]))]
        optimizer = mine(leaves)
        for index, step in enumerate(own_directions.RUN):
            if cut and index == cut:
                save_state(tmp_path / "state", optimizer.portable_state())
                optimizer = mine(leaves)
                optimizer.load_portable_state(load_state(tmp_path / "state"))
            leaves[0].grad = torch.tensor(step["grads"][0])
            optimizer.step(loss=step["loss"])
        ends.append(optimizer.portable_state())
    assert ends[0].rule == mine.kind.name
    assert ends[0].tensors[0]["left"].shape == (2, 2)
    assert_same_state(*ends)

"""Steps of `momo_jax` by generated kernels: custom calls of XLA on a CPU."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

pytest.importorskip("numba", reason="not run: numba is not installed")

import momo_jax
from conformance_tests.jax_steps import (
    NAMES,
    QUICKLY,
    SPECS,
    batches,
    flags,
    flat,
    float32_bound,
    make_of,
    same,
    settings,
    take,
    tree,
)
from conformance_tests.own_directions import example
from conformance_tests.profiles import every_other
from momo_core import InvalidTypeError
from momo_jax import suitable
from momo_jax.fused import SMALL, parts
from momo_jax.suitable import SWITCH
from momo_kernels import kernels as kernels_of_torch
from momo_kernels import layout, updates
from momo_kernels.chunks import CHUNK, SERIAL
from momo_spec.bounds import UNIT_ROUNDOFF
from momo_spec.generate import digest
from momo_spec.kernels import fits

FUSED = [name for name in NAMES if fits(SPECS[name])]
MAXIMUM = float(np.finfo(np.float32).max)
SIZE = SERIAL + 77
"""Elements that several threads work on."""

SHAPES = ((7, 3), (), (0, 4), (CHUNK + 5,), (2, SERIAL // 2 + 9))
"""A matrix, a number, no element, more than a chunk, and enough for several threads."""

Step = Callable[..., Any]


def switched(used: bool) -> Any:
    return mock.patch.dict(os.environ, {SWITCH: str(int(used))})


@pytest.fixture(autouse=True)
def kernels() -> Any:
    with switched(True):
        yield


def generic(step: Step) -> Step:
    """A step that is compiled without kernels."""

    def traced(*arguments: Any) -> Any:
        with switched(False):
            return step(*arguments)

    return jax.jit(traced, compiler_options=QUICKLY)


def optimizer_of(name: str) -> Any:
    return make_of(name)(**settings(name), **flags(name))


def filled(updates: Any, params: Any) -> Any:
    """Updates with zeros for the parameters that have no gradient."""
    leaves, treedef = jax.tree.flatten(params)
    given = treedef.flatten_up_to(updates)
    zeros = [jnp.zeros_like(leaf) if one is None else one for one, leaf in zip(given, leaves, strict=True)]
    return treedef.unflatten(zeros)


def stepping(optimizer: Any) -> Step:
    def step(params: Any, state: Any, batch: Any) -> Any:
        grads, loss = batch
        updates, state = optimizer.update(grads, state, params, value=loss)
        return optax.apply_updates(params, filled(updates, params)), state

    return step


def calls(step: Step, *arguments: Any) -> int:
    """Custom calls of a compiled step."""
    return jax.jit(step).lower(*arguments).as_text().count("@momo_kernels_")


def whole_numbers(seed: int, shapes: Any = SHAPES) -> list[Any]:
    """Arrays of -1, 0 and 1: their averages with halves and their sums are exact in float32."""
    generator = np.random.default_rng(seed)
    return [jnp.asarray(generator.integers(-1, 2, shape), jnp.float32) for shape in shapes]


def walked(step: Step, optimizer: Any, params: Any, given: list[Any]) -> Any:
    state = optimizer.init(params)
    for batch in given:
        params, state = step(params, state, batch)
    return params, state


@pytest.mark.parametrize("name", every_other(FUSED[1::2]))
def test_every_rule_is_within_its_bound(name: str) -> None:
    """Every second rule, by day every fourth; the exact vectors have others.  All steps are taken."""
    optimizer, given = optimizer_of(name), batches(3)
    fused, other = jax.jit(stepping(optimizer)), generic(stepping(optimizer))
    left = right = tree(), optimizer.init(tree())
    assert momo_jax.implementation(optimizer, tree()) == "fused"
    assert calls(stepping(optimizer), *left, given[0]) >= 3
    bound = float32_bound(name, {**settings(name), **flags(name)}, tree(), given)
    for number, batch in enumerate(given, start=1):
        left, right = fused(*left, batch), other(*right, batch)
        assert np.linalg.norm(flat(left[0]) - flat(right[0])) <= 2 * bound[number]
    assert int(left[1].count) == len(given)


def halved(count: Any) -> Any:
    """A schedule."""
    return jnp.where(count < 1, 1.0, 0.5)


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": halved},
        {"learning_rate": 1.0, "weight_decay": 1.0, "weight_decay_mask": [True, False, True, True, False]},
    ],
)
def test_exact_steps_are_those_without_kernels(options: dict[str, Any]) -> None:
    """To the bit: tensors of all sizes, a late gradient, a schedule, a mask of the weight decay."""
    optimizer = momo_jax.momo(beta=0.5, **options)
    steps: list[Any] = [(whole_numbers(1 + step), jnp.float32(2.0**20)) for step in range(3)]
    steps[0][0][3] = None
    found, wanted = (
        walked(step, optimizer, whole_numbers(0), steps)
        for step in (jax.jit(stepping(optimizer)), generic(stepping(optimizer)))
    )
    same(found, wanted)
    assert int(found[1].count) == len(steps)
    assert any((leaf != start).any() for leaf, start in zip(found[0], whole_numbers(0), strict=True))


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    """Optimizers with compiled steps."""
    made = {"momo_adam": momo_jax.momo_adam(0.01), "adamw": momo_jax.adamw(1e37)}
    return {name: (optimizer, jax.jit(stepping(optimizer))) for name, optimizer in made.items()}


@pytest.mark.parametrize("position", [0, SIZE - 1])
@pytest.mark.parametrize("bad", ["parameter", "gradient", "loss", "square", "result"])
def test_all_or_nothing(programs: dict[str, Any], bad: str, position: int) -> None:
    """Whatever is not finite, and wherever it is, even in the new parameters alone."""
    optimizer, program = programs["adamw" if bad == "result" else "momo_adam"]
    params = jnp.linspace(-1.0, 1.0, SIZE, dtype=jnp.float32)
    grads, loss = jnp.full(SIZE, -0.001, jnp.float32), jnp.float32(1.0)
    _, before = program(params, optimizer.init(params), (grads, loss))
    assert int(before.count) == 1
    params = params.at[position].set({"parameter": jnp.nan, "result": MAXIMUM}.get(bad, params[position]))
    grads = grads.at[position].set({"gradient": jnp.inf, "square": 1e30}.get(bad, grads[position]))
    after, state = program(params, before, (grads, loss * (jnp.nan if bad == "loss" else 1.0)))
    same(after, params)
    same((state.averages, state.tensors, state.seen), (before.averages, before.tensors, before.seen))
    assert bool(state.skipped)
    assert (int(state.skipped_steps), int(state.count)) == (int(before.skipped_steps) + 1, 1)


def test_a_step_that_no_bound_proves_finite_is_taken() -> None:
    """The sum of the sizes of the parameters overflows; no parameter does, nor does what they change."""
    optimizer = momo_jax.sgdm(0.5, beta=0.5)
    params, grads = [jnp.full(SIZE, MAXIMUM / 2, jnp.float32)], [jnp.full(SIZE, 1e10, jnp.float32)]
    step = stepping(optimizer)
    found, wanted = (
        walked(one, optimizer, params, [(grads, None)] * 2) for one in (jax.jit(step), generic(step))
    )
    same(found[0], wanted[0])
    assert int(found[1].count) == 2


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_change_of_the_model_is_that_of_what_is_returned(decay: float) -> None:
    """
    Moves are a few units in the last place, so that a single parameter that the kernel rounds otherwise than
    `optax.apply_updates` is far outside of the bound of the summation.
    """
    random = np.random.default_rng(7)
    params = jnp.asarray(random.uniform(1.0, 2.0, SIZE), jnp.float32)
    optimizer = momo_jax.momo_adam(1e-6, lower_bound=-100.0, weight_decay=decay)
    state, program = optimizer.init(params), jax.jit(stepping(optimizer))
    for _ in range(2):
        old = params
        state = state._replace(scalars={**state.scalars, "predicted_loss": jnp.float32(0.0)})
        grads = jnp.asarray(random.uniform(0.5, 1.0, SIZE), jnp.float32)
        params, state = program(params, state, (grads, jnp.float32(0.0)))
        terms = np.float64(state.averages["grad_avg"]) * (np.float64(params) - np.float64(old))
        assert terms.any()
        # The value of the model is 0: a product and an addition in float32 for each of at most 128 terms of a
        # block, whose sums are added in float64, and one more rounding.
        bound = UNIT_ROUNDOFF["float32"] * 130 * np.abs(terms).sum()
        assert abs(float(state.scalars["predicted_loss"]) - terms.sum()) <= bound


def test_transformations_keep_the_steps() -> None:
    """`scan` to the bit; under `vmap`, where each run decides for itself, as without kernels."""
    optimizer = momo_jax.momo(1.0, beta=0.5)
    params = whole_numbers(0)
    start = params, optimizer.init(params)
    good, bad = whole_numbers(1), [jnp.full_like(leaf, jnp.nan) for leaf in params]
    stacked = jax.tree.map(lambda *each: jnp.stack(each), good, bad), jnp.full(2, 2.0**20)

    def step(carry: Any, batch: Any) -> Any:
        return take(optimizer, *carry, batch), None

    expected = start
    for batch in ((good, stacked[1][0]), (bad, stacked[1][1])):
        expected, _ = jax.jit(step)(expected, batch)
    same(jax.jit(lambda: jax.lax.scan(step, start, stacked)[0])(), expected)
    assert calls(lambda batches: jax.lax.scan(step, start, batches)[0], stacked)
    many = jax.vmap(lambda batch: step(start, batch)[0])
    same(jax.jit(many)(stacked), generic(many)(stacked))
    assert not calls(many, stacked)


@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd])
def test_derivatives_are_those_without_kernels(derivative: Any) -> None:
    """Through two steps, with respect to the learning rate and the start."""
    given = batches(2)

    def objective(hyper: Any) -> Any:
        rate, params = hyper
        optimizer = momo_jax.momo_adam(rate)
        params, _ = walked(stepping(optimizer), optimizer, params, given)
        return sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(params))

    hyper = jnp.float32(0.01), tree()
    found = jax.jit(derivative(objective), compiler_options=QUICKLY)(hyper)
    same(found, generic(derivative(objective))(hyper))
    assert float(found[0]) != 0
    assert calls(objective, hyper)
    checkpointed = jax.jit(jax.grad(jax.checkpoint(objective)), compiler_options=QUICKLY)(hyper)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(checkpointed))


def test_a_step_is_taken_in_place() -> None:
    """What is kept is written where it is, and what is added to the parameters is read part by part."""
    params = [jnp.ones((256, 256))] * 64
    optimizer = momo_jax.momo_adam()
    state = optimizer.init(params)
    program = jax.jit(stepping(optimizer), donate_argnums=(0, 1))
    compiled = program.lower(params, state, (params, 1.0)).compile(QUICKLY)
    memory, size = compiled.memory_analysis(), sum(leaf.nbytes for leaf in params)
    assert memory.alias_size_in_bytes >= 3 * size
    assert memory.temp_size_in_bytes <= 0.06 * size


def test_kernels_are_not_exported() -> None:
    """JAX says why; without kernels the same step is exported."""
    optimizer, params = momo_jax.momo(), jnp.ones(3)
    given = params, optimizer.init(params), (params, jnp.float32(1.0))
    with pytest.raises(ValueError, match="custom calls whose targets have no compatibility guarantees"):
        jax.export.export(jax.jit(stepping(optimizer)))(*given)
    assert "momo_kernels" not in jax.export.export(generic(stepping(optimizer)))(*given).mlir_module()


def test_parts_hold_all_tensors_in_order() -> None:
    sizes = [3, SMALL, 0, 5 * SMALL, 7, 0]
    found = [range(len(sizes))[part] for part in parts(sizes)]
    assert [index for part in found for index in part] == list(range(len(sizes)))
    assert found == [range(2), range(2, 4), range(4, 6)]


def test_the_order_of_threads_changes_nothing() -> None:
    """Steps that run at the same time, each on several threads, return the same bits again and again."""
    optimizer = momo_jax.momo_adam()
    random = np.random.default_rng(3)
    params = [jnp.asarray(random.normal(size=SIZE * 4), jnp.float32)]
    program, given = jax.jit(stepping(optimizer)), (params, jnp.float32(1.0))
    start = params, optimizer.init(params), given
    wanted = jax.block_until_ready(program(*start))
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: jax.block_until_ready(program(*start)), range(16)):
            same(found, wanted)


def test_it_is_told_what_takes_a_step() -> None:
    """And that is what happens."""
    cases: list[tuple[Any, Any, str]] = [
        (momo_jax.momo(), jnp.zeros(3), "fused"),
        (momo_jax.momo(), jnp.zeros(3, jnp.bfloat16), "generic (dtypes bfloat16)"),
        (momo_jax.momo(on_nonfinite="propagate"), jnp.zeros(3), "generic (on_nonfinite='propagate')"),
        (example("jax").mine(0.1), jnp.zeros(3), "generic (there are no kernels for mine)"),
        (momo_jax.schedule_free_sps(), jnp.zeros(3), "generic (there are no kernels for schedule_free_sps)"),
    ]
    for optimizer, params, wanted in cases:
        assert momo_jax.implementation(optimizer, params) == wanted
        count = calls(stepping(optimizer), params, optimizer.init(params), (params, jnp.float32(1.0)))
        assert (count > 0) == (wanted == "fused")
    with switched(False):
        assert momo_jax.implementation(momo_jax.momo(), jnp.zeros(3)) == f"generic ({SWITCH}=0)"
    assert (
        momo_jax.implementation(momo_jax.momo(), {"w": jnp.zeros(3)}, {"w": None}) == "generic (no gradients)"
    )
    with pytest.raises(InvalidTypeError, match="must be one of momo_jax"):
        momo_jax.implementation(optax.sgd(0.1), jnp.zeros(3))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("XLA_FFI_API_MAJOR 0", "XLA_FFI_API_MAJOR 1"),
        ("XLA_FFI_ExecutionContext* ctx;\n", ""),
        ("_XLA_FFI_API_STRUCT_FIELD(XLA_FFI_Type_Register);", ""),
        ("  int64_t rank;\n", ""),
        ("XLA_FFI_DataType_F64 = 12", "XLA_FFI_DataType_F64 = 13"),
    ],
)
def test_another_interface_of_xla_is_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    text = Path(jax.ffi.include_dir(), layout.HEADER).read_text(encoding="utf-8")
    assert old in text
    copy = tmp_path / layout.HEADER
    copy.parent.mkdir(parents=True)
    copy.write_text(text, encoding="utf-8")
    assert layout.is_known(tmp_path)
    copy.write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(jax.ffi, "include_dir", lambda: str(tmp_path))
    monkeypatch.setattr(suitable, "_is_known", suitable._is_known.__wrapped__)
    assert momo_jax.implementation(momo_jax.momo(), tree()) == "generic (another interface of XLA)"


def test_a_state_of_other_parameters_is_an_error() -> None:
    """As without kernels, which would go beyond the end of the averages."""
    optimizer = momo_jax.momo()
    state, other = optimizer.init(jnp.ones(4)), jnp.ones(CHUNK)
    for step in (jax.jit(stepping(optimizer)), generic(stepping(optimizer))):
        with pytest.raises(TypeError):
            step(other, state, (other, 1.0))


def test_scalars_of_another_dtype_take_the_generic_step() -> None:
    with jax.enable_x64(True):
        optimizer, params = momo_jax.momo(), jnp.ones(4, jnp.float32)
        state = optimizer.init(params)
        wide = state._replace(scalars=jax.tree.map(lambda one: one.astype(jnp.float64), state.scalars))
        assert calls(stepping(optimizer), params, state, (params, 1.0)) >= 3
        assert calls(stepping(optimizer), params, wide, (params, 1.0)) == 0


def test_a_pickled_rule_has_its_kernels() -> None:
    optimizer = pickle.loads(pickle.dumps(momo_jax.momo_adam()))
    assert momo_jax.implementation(optimizer, tree()) == "fused"


def test_without_numba_the_step_is_generic_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suitable, "_numba_fails", suitable._numba_fails.__wrapped__)
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    assert momo_jax.implementation(momo_jax.momo(), tree()) == "generic (Numba does not compile)"
    monkeypatch.setitem(sys.modules, "numba", None)
    assert "(Numba cannot be imported: " in momo_jax.implementation(momo_jax.momo(), tree())


def test_what_is_compiled_knows_its_sources(tmp_path: Path) -> None:
    """Numba compiles again where the generated file has changed, which it does with what it uses."""
    folder = Path(layout.__file__).parent
    assert digest(folder) == updates.SOURCES == kernels_of_torch.SOURCES
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    assert digest(tmp_path) == updates.SOURCES
    with (tmp_path / "jobs.py").open("a", encoding="utf-8") as jobs:
        jobs.write("# changed\n")
    assert digest(tmp_path) != updates.SOURCES

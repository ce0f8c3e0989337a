"""What holds for every rule of `momo_jax`: types, tracing, wrappers of optax, what a step leaves alone."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import momo_jax
from conformance_tests import jax_steps
from conformance_tests.jax_steps import (
    CUT,
    DECAYING,
    KEPT,
    NAMES,
    PATHS,
    QUICKLY,
    SPECS,
    accepted,
    batches,
    flags,
    flat,
    float32_bound,
    go_on,
    jitted,
    make_of,
    needs_loss,
    same,
    settings,
    take,
    tree,
    types,
    walk,
)
from conformance_tests.profiles import PARTS, mostly
from conformance_tests.roundings import assert_rounded

every_rule = pytest.mark.parametrize("name", NAMES)


def last_traces(name: str) -> int:
    return jax_steps.traces.get(name, 0)


@every_rule
@pytest.mark.reliability("R84")
def test_compiled_steps_are_the_eager_ones_and_are_compiled_once(name: str) -> None:
    """A compiled step is the eager step within the rounding bound; the second call does not trace again."""
    hyper, given = settings(name), batches()
    optimizer = make_of(name)(**hyper, **flags(name))
    eager = compiled = tree(), optimizer.init(tree())
    bound = float32_bound(name, {**hyper, **flags(name)}, tree(), given)
    before = last_traces(name)
    for step, batch in enumerate(given, start=1):
        eager = take(optimizer, *eager, batch)
        compiled = jitted(name)(hyper, *compiled, batch)
        assert np.linalg.norm(flat(eager[0]) - flat(compiled[0])) <= 2 * bound[step]
    assert last_traces(name) <= before + 1
    assert int(compiled[1].count) == len(given)


@pytest.mark.parametrize("name", mostly(NAMES, PARTS))
@pytest.mark.reliability("R84")
def test_vmap_takes_several_runs_at_once(name: str) -> None:
    """Runs with learning rates and parameters of their own, side by side, are the runs one by one."""
    rates, given = jnp.array([0.01, 0.5]), batches(2)
    hyper = settings(name)
    starts = jax.tree.map(lambda leaf: jnp.stack([leaf, -leaf]), tree())

    def step(rate: Any, params: Any, state: Any, batch: Any) -> Any:
        return jitted(name)({**hyper, "learning_rate": rate}, params, state, batch)

    together = starts, jax.vmap(make_of(name)(**hyper, **flags(name)).init)(starts)
    many = jax.jit(jax.vmap(step, in_axes=(0, 0, 0, None)), compiler_options=QUICKLY)
    for batch in given:
        together = many(rates, *together, batch)
    for run, rate in enumerate(rates):
        own = {**hyper, "learning_rate": float(rate), **flags(name)}
        start = jax.tree.map(lambda leaf, run=run: leaf[run], starts)
        alone, _ = go_on(make_of(name)(**own), start, make_of(name)(**own).init(start))
        distance = flat(jax.tree.map(lambda leaf, run=run: leaf[run], together[0])) - flat(alone)
        assert np.linalg.norm(distance) <= 2 * float32_bound(name, own, start, given)[-1]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.reliability("R84")
def test_scan_is_the_compiled_steps(name: str) -> None:
    """A scan over the steps, a skipped one among them, is the compiled steps within the rounding bound."""
    hyper, given = {**settings(name), **flags(name)}, batches()
    bound = float32_bound(name, hyper, tree(), given)[-1]
    optimizer = make_of(name)(**hyper)
    spoiled = jax.tree.map(lambda grad: grad * jnp.nan, given[0][0]), given[0][1]
    given.insert(2, spoiled)
    step = jax.jit(partial(take, optimizer))
    start = carry = tree(), optimizer.init(tree())
    for batch in given:
        carry = step(*carry, batch)
    stacked = jax.tree.map(lambda *values: jnp.stack(values), *given)
    scanned, _ = jax.lax.scan(lambda carry, batch: (step(*carry, batch), None), start, stacked)
    assert int(scanned[1].count) == 4
    assert int(scanned[1].skipped_steps) == 1
    # Not to the bit: the compiler may fuse a product and a sum in one program and not in the other.
    assert np.linalg.norm(flat(scanned[0]) - flat(carry[0])) <= 2 * bound


@every_rule
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.reliability("R52", "R84")
def test_types_are_stable(name: str, dtype: str) -> None:
    """Shapes, dtypes and weak types stay through `cond` and `scan`, for a loss of another dtype, too."""
    with jax.enable_x64(True):
        optimizer, params = make_of(name)(**flags(name)), tree(dtype)
        odd = "bfloat16" if dtype == "float16" else "float16"

        def step(carry: Any, go: Any) -> Any:
            params, state = carry
            value = jnp.ones((), odd)
            rest = jax.tree.map(jnp.zeros_like, params), state
            updates, state = jax.lax.cond(
                go, lambda: optimizer.update(params, state, params, value=value), lambda: rest
            )
            return (params, state), updates

        start = jax.eval_shape(optimizer.init, params)
        (_, state), updates = jax.eval_shape(partial(jax.lax.scan, step), (params, start), jnp.ones(3, bool))
        assert types(state) == types(start) == types(optimizer.init(params))
        assert jax.tree.map(lambda leaf: leaf.dtype, updates) == jax.tree.map(lambda leaf: leaf.dtype, params)
        wide = jnp.promote_types(dtype, jnp.float32)
        for averages in start.averages.values():
            assert {leaf.dtype for leaf in jax.tree.leaves(averages)} == {wide}


@every_rule
@pytest.mark.reliability("R27", "R28", "R31", "R84")
def test_types_do_not_depend_on_the_loss(name: str) -> None:
    """A loss of any kind of number, traced, gives a state of the same types."""
    optimizer, params = make_of(name)(), tree()
    start = optimizer.init(params)

    def update(value: Any) -> Any:
        return optimizer.update(params, start, params, value=value)

    for value in (2.0, 2, np.float64(2), np.ones(1), jnp.bfloat16(2), jnp.int32(2)):
        updates, state = jax.eval_shape(update, value)
        assert types(state) == types(start)
        assert types(updates) == types(params)


@every_rule
@pytest.mark.reliability("R33", "R37", "R62", "R84")
def test_compiled_step_that_is_not_finite_changes_nothing(name: str) -> None:
    """In compiled code, too, a step that is not finite changes nothing but the count of skipped steps."""
    hyper, (good, *given) = settings(name), batches()
    optimizer = make_of(name)(**hyper, **flags(name))
    params, state = jitted(name)(hyper, tree(), optimizer.init(tree()), good)
    params = {**params, "bias": tree()["bias"]}
    grads, loss = given[0]
    spoiled = {**grads, "weights": grads["weights"].at[0, 1].set(jnp.inf)}
    for bad in [(spoiled, loss), (grads, jnp.float32(jnp.nan))][: 1 + needs_loss(name)]:
        unmoved, after = jitted(name)(hyper, params, state, bad)
        same(unmoved, params)
        assert bool(after.skipped)
        assert int(after.skipped_steps) == int(state.skipped_steps) + 1
        same([getattr(after, field) for field in KEPT], [getattr(state, field) for field in KEPT])
        ignored = {"skipped_steps": 0}
        same({**after.scalars, **ignored}, {**state.scalars, **ignored})


@every_rule
@pytest.mark.reliability("R42")
def test_step_is_transparent_to_scaling(name: str) -> None:
    """Loss and gradients times a power of two, with the units of the rest: the same bits."""
    factor, plain = 2.0**7, settings(name)
    if "eps" in plain:
        units = {"eps": factor} | ({"lambd": 1 / factor} if name == "am_adamw" else {})
    else:
        units = {"learning_rate": 1 / factor, "weight_decay": factor}
    scaled = {option: value * units.get(option, 1) for option, value in plain.items()}
    ones = others = tree(), make_of(name)(**plain, **flags(name)).init(tree())
    for grads, loss in batches():
        ones = jitted(name)(plain, *ones, (grads, loss))
        large = jax.tree.map(lambda grad: factor * grad, grads), factor * loss
        others = jitted(name)(scaled, *others, large)
    same(others[0], ones[0])


@every_rule
@pytest.mark.reliability("R84")
def test_state_can_be_donated(name: str) -> None:
    """No two arrays of the first state share memory, so that a compiled step may write over them."""
    optimizer = momo_jax.MultiSteps(make_of(name)(), 2)
    arrays = jax.tree.leaves(optimizer.init(tree()))
    assert len({array.unsafe_buffer_pointer() for array in arrays}) == len(arrays)


@pytest.mark.parametrize("name", mostly(PATHS, ["momo_am_adam"]))
def test_program_grows_with_the_number_of_tensors_and_not_its_square(name: str) -> None:
    lengths = []
    for number in (6, 24):
        params = [jnp.ones(3)] * number
        update = jax.jit(partial(make_of(name)().update, value=1.0), compiler_options=QUICKLY)
        lengths.append(len(update.lower(params, make_of(name)().init(params), params).compile().as_text()))
    assert lengths[1] < 4 * lengths[0]


def check_prediction(name: str, dtype: str, wrap: Any) -> None:
    """The predicted loss goes with the displacement that was stored."""
    random = np.random.default_rng(3)
    params = jnp.asarray(random.normal(size=500), dtype)
    grads = jnp.asarray(random.normal(size=500) * 10.0 ** random.integers(-4, 1, size=500), dtype)
    optimizer = make_of(name)(0.01, weight_decay=0.1, lower_bound=-100.0)
    updates, state = wrap(optimizer.update)(grads, optimizer.init(params), params, value=2.0)
    stored = np.asarray(optax.apply_updates(params, updates), np.float64)
    change = stored - np.asarray(params, np.float64)
    grad_avg = np.asarray(state.averages["grad_avg"], np.float64)
    loss = 2.0 * float(state.scalars["weight"])
    terms = np.abs(grad_avg * change).sum()
    expected = loss + grad_avg @ change
    # A move, its product and a sum of 500 in any order; the weight, the product with the loss, the sum.
    found = float(state.info.predicted_loss)
    assert_rounded(found, expected, len(change) + 3, "float32", terms=loss + terms)


@pytest.mark.parametrize("name", CUT)
def test_predicted_loss_is_of_what_is_stored(name: str) -> None:
    check_prediction(name, "bfloat16", lambda update: update)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", ["momo", "momo_am_adam"])
def test_predicted_loss_is_of_what_compiled_code_stores(name: str, dtype: str) -> None:
    check_prediction(name, dtype, jax.jit)


@every_rule
def test_narrow_updates_are_rounded_where_xla_keeps_it(name: str) -> None:
    """On a GPU, XLA drops the cast of the stored parameter and the cast back to float32."""
    optimizer, params = make_of(name)(), jnp.ones(3, jnp.bfloat16)
    update = partial(optimizer.update, params, optimizer.init(params), params)
    assert str(jax.make_jaxpr(lambda value: update(value=value))(1.0)).count("reduce_precision[") == 2


@every_rule
def test_small_updates_of_float16_are_not_flushed(name: str) -> None:
    optimizer = make_of(name)(3e-5, **accepted(name, lower_bound=-1e6))
    params = jnp.full(3, 0.01, jnp.float16)
    updates, _ = optimizer.update(jnp.ones_like(params), optimizer.init(params), params, value=1.0)
    spacing = float(np.spacing(np.float16(0.01)))
    assert np.all(abs(np.float64(updates) + 3e-5) <= spacing / 2)


@every_rule
@pytest.mark.reliability("R88")
def test_schedule(name: str) -> None:
    """A constant schedule is the constant; a schedule sees the count of steps taken, without the skipped."""
    same(walk(make_of(name)(optax.constant_schedule(0.05)), tree()), walk(make_of(name)(0.05), tree()))
    seen = []
    optimizer = make_of(name)(lambda count: seen.append(int(count)) or 0.1 / (1 + count))
    carry = tree(), optimizer.init(tree())
    bad = jax.tree.map(lambda grad: grad * jnp.nan, batches(1)[0][0]), jnp.float32(1)
    for batch in (*batches(2), bad, *batches(1)):
        carry = take(optimizer, *carry, batch)
    assert seen == [0, 1, 2, 2]


@every_rule
@pytest.mark.reliability("R88")
def test_inject_hyperparams(name: str) -> None:
    """Numbers become arrays of the state, which may be changed between steps; schedules work, too."""
    options = accepted(name, weight_decay=0.1, adapt_lower_bound=True)
    plain = walk(make_of(name)(0.03, **options), tree())
    injected = optax.inject_hyperparams(make_of(name))(0.03, **options)
    params, state = walk(injected, tree())
    same(params, plain[0])
    same(state.inner_state, plain[1])
    state.hyperparams["learning_rate"] = jnp.float32(0.0)
    state.hyperparams["weight_decay"] = jnp.float32(0.0)
    frozen, _ = go_on(injected, params, state, 1)
    if name in DECAYING:  # schedule-free parameters are rounded afresh from the two sequences in each step
        same(frozen, params)
    schedule = optax.linear_schedule(0.1, 0.0, 5)
    scheduled = optax.inject_hyperparams(make_of(name))(schedule)
    reference = walk(make_of(name)(schedule), tree())
    same(walk(scheduled, tree())[1].inner_state.averages, reference[1].averages)
    assert types(jax.eval_shape(partial(take, injected), params, state, batches(1)[0])[1]) == types(state)


@every_rule
@pytest.mark.reliability("R88")
def test_chain_with_extra_arguments(name: str) -> None:
    """In a chain each transformation takes its arguments and leaves the others alone."""
    chained = optax.chain(optax.clip_by_global_norm(1e6), make_of(name)(0.03), optax.scale(1.0))
    same(walk(chained, tree())[0], walk(make_of(name)(0.03), tree())[0])
    params = tree()
    state = chained.init(params)
    _, after = chained.update(params, state, params, value=1.0, noise=jnp.ones(3), step=4)
    assert int(optax.tree_utils.tree_get(after, "count")) == 1
    assert optax.tree_utils.tree_get(after, "step_size") > 0
    average = next(iter(SPECS[name].leaf_state))
    assert optax.tree_utils.tree_get(after, average)["weights"].shape == (2, 2)


@every_rule
@pytest.mark.reliability("R46", "R88")
def test_masked_moves_the_others_only(name: str) -> None:
    """Under `optax.masked`, and where a gradient is None, the rest goes as if it were alone."""
    params, alone = tree(), {"weights": tree()["weights"]}
    optimizer = make_of(name)(0.03, **accepted(name, weight_decay=0.1))
    expected, reference = optimizer.update(alone, optimizer.init(alone), alone, value=2.0)
    masked = optax.masked(optimizer, {"weights": True, "bias": [False, None]})
    updates, _ = masked.update(params, masked.init(params), params, value=2.0)
    same(updates, {**expected, "bias": params["bias"]})
    grads = {**alone, "bias": [None, None]}
    updates, state = optimizer.update(grads, optimizer.init(params), params, value=2.0)
    same(updates, {**expected, "bias": [None, None]})
    assert state.seen.tolist() == [False, True]
    same(state.info, reference.info)
    none = jax.tree.map(lambda _: None, params)
    updates, still = optimizer.update(none, state, params, value=2.0)
    assert jax.tree.leaves(updates) == []
    same(
        [getattr(still, field) for field in (*KEPT, "scalars")],
        [getattr(state, field) for field in (*KEPT, "scalars")],
    )


@pytest.mark.parametrize("name", DECAYING)
@pytest.mark.reliability("R88")
def test_weight_decay_mask(name: str) -> None:
    """Tensors outside of `weight_decay_mask` do not decay, and take the same step as the others."""
    make, params = partial(make_of(name), 0.25), tree()
    everything = walk(make(weight_decay=0.5, weight_decay_mask=True), params)
    same(everything, walk(make(weight_decay=0.5), params))
    nothing = walk(
        make(weight_decay=0.5, weight_decay_mask=lambda params: jax.tree.map(lambda _: False, params)), params
    )
    same(nothing, walk(make(weight_decay=0.0), params))
    optimizer = make(weight_decay=0.5, weight_decay_mask={"weights": True, "bias": False})
    still = jax.tree.map(jnp.zeros_like, params)
    updates, _ = optimizer.update(still, optimizer.init(params), params, value=1.0)
    moved = optax.apply_updates(params, updates)
    np.testing.assert_array_equal(moved["bias"][0], params["bias"][0])
    assert np.all(np.abs(moved["weights"]) < np.abs(params["weights"]))


@every_rule
def test_tree_map_params(name: str) -> None:
    optimizer, params = make_of(name)(), tree()
    state = optimizer.init(params)
    marked = optax.tree_utils.tree_map_params(
        optimizer,
        lambda leaf, param: leaf.shape == param.shape,
        state,
        params,
        transform_non_params=lambda _: None,
    )
    shapes = jax.tree.map(lambda _: True, params)
    assert marked.averages == dict.fromkeys(state.averages, shapes)
    assert jax.tree.leaves(marked._replace(averages=None)) == []


@every_rule
@pytest.mark.reliability("R62")
def test_inputs_stay_as_they_are(name: str) -> None:
    """A step writes to nothing that it was given."""
    optimizer, params = make_of(name)(), jax.tree.map(np.array, tree())
    state = jax.tree.map(np.array, optimizer.init(params))
    before = jax.tree.map(np.copy, (params, state))
    optimizer.update(params, state, params, value=1.0)
    same((params, state), before)

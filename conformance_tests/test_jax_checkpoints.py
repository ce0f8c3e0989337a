"""The state of `momo_jax` through the ways in which people save it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint
import pytest

import momo_jax
from conformance_tests.jax_steps import NAMES, flags, go_on, make_of, same, tree, types, walk
from conformance_tests.profiles import PARTS, mostly
from momo_core import InvalidTypeError, InvalidValueError

Restore = Callable[[Any, Any, Path], Any]
"""``(carry, fresh, folder) -> carry``: save parameters and state, and load them into fresh ones."""


def by_orbax(carry: Any, fresh: Any, folder: Path) -> Any:
    with orbax.checkpoint.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder / "checkpoint", carry)
        checkpointer.wait_until_finished()
        return checkpointer.restore(folder / "checkpoint", jax.tree.map(jax.ShapeDtypeStruct.like, fresh))


WAYS: dict[str, Restore] = {
    "pickle": lambda carry, fresh, folder: pickle.loads(pickle.dumps(carry)),
    "deepcopy": lambda carry, fresh, folder: copy.deepcopy(carry),
    "msgpack": lambda carry, fresh, folder: flax.serialization.from_bytes(
        fresh, flax.serialization.to_bytes(carry)
    ),
    "leaves": lambda carry, fresh, folder: jax.tree.unflatten(
        jax.tree.structure(fresh), [np.asarray(leaf) for leaf in jax.tree.leaves(carry)]
    ),
    "orbax": by_orbax,
}
"""Through NumPy arrays, files of flax and orbax, and memory."""


def fresh_of(optimizer: Any, dtype: Any = jnp.float32) -> Any:
    zeros = jax.tree.map(jnp.zeros_like, tree(dtype))
    return zeros, optimizer.init(zeros)


@pytest.mark.parametrize("name", mostly(NAMES, PARTS))
@pytest.mark.reliability("R63", "R68", "R73")
def test_saved_run_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    """By pickle, copy, msgpack, orbax and as leaves, at step 0 and later, the run goes on to the bit."""
    optimizer = make_of(name)(optax.linear_schedule(0.1, 0.0, 10), **flags(name))
    for steps in (0, 2):
        carry = walk(optimizer, tree(), steps)
        expected = go_on(optimizer, *carry)
        for way, restore in WAYS.items():
            restored = restore(carry, fresh_of(optimizer), tmp_path / str(steps))
            assert type(restored[1]) is momo_jax.MomoState, way
            same(jax.tree.map(np.asarray, restored), jax.tree.map(np.asarray, carry))
            same(go_on(optimizer, *restored), expected)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.reliability("R65", "R73")
def test_scalars_of_narrow_parameters_stay_wide(way: str, tmp_path: Path) -> None:
    """With bfloat16 parameters the float32 scalars and averages come back as they were saved."""
    optimizer = momo_jax.momo_adam(adapt_lower_bound=True)
    carry = walk(optimizer, tree(jnp.bfloat16), 2)
    restored = WAYS[way](carry, fresh_of(optimizer, jnp.bfloat16), tmp_path)
    restored = jax.tree.map(jnp.asarray, restored)
    assert types(restored) == types(carry)
    same(restored, carry)


@pytest.mark.reliability("R67")
def test_state_of_another_rule_is_refused() -> None:
    """A state that lacks what the rule keeps, or has more, is an error that names the rule and both."""
    params = tree()
    momo, adam = momo_jax.momo(), momo_jax.momo_adam()
    for optimizer, state in ((adam, momo.init(params)), (momo, adam.init(params))):
        with pytest.raises(InvalidValueError, match=r"not a state of momo.*grad_avg.*keeps") as error:
            optimizer.update(params, state, params, value=1.0)
        assert error.value.code == "E_STATE_RULE"
    as_dict = flax.serialization.to_state_dict(momo.init(params))
    with pytest.raises(InvalidTypeError, match="must be a MomoState, got dict"):
        momo.update(params, as_dict, params, value=1.0)


@pytest.mark.reliability("R67")
def test_files_of_another_rule_or_of_other_tensors_are_refused(tmp_path: Path) -> None:
    """flax and orbax refuse a file that does not fit; what they let pass, the next step refuses."""
    params, momo, adam = tree(), momo_jax.momo(), momo_jax.momo_adam()
    saved, target = momo.init(params), adam.init(params)
    with pytest.raises(ValueError, match="keys"):
        flax.serialization.from_bytes(target, flax.serialization.to_bytes(saved))
    with pytest.raises(ValueError, match="[Tt]ree|[Mm]ismatch|[Ss]tructure"):
        by_orbax(saved, target, tmp_path)
    with pytest.raises(ValueError, match="[Ee]xpected"):
        momo.update({"other": params}, momo.init(params), {"other": params}, value=1.0)


@pytest.mark.reliability("R66")
def test_state_of_another_version_is_refused() -> None:
    """A file with fewer or more fields than the state has is an error of flax, never a silent default."""
    state = momo_jax.momo().init(tree())
    fields = flax.serialization.to_state_dict(state)
    older = {name: value for name, value in fields.items() if name != "seen"}
    for other in (older, {**fields, "newer": jnp.zeros(())}):
        with pytest.raises(ValueError, match="field"):
            flax.serialization.from_state_dict(state, other)

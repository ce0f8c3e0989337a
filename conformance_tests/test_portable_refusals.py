"""A portable state that does not fit is refused, and one of another dtype is converted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conformance_tests.cells import KERAS_BACKENDS, process_pool
from conformance_tests.portable_states import assert_same_state, rule_and_params, stepped
from momo_core import InvalidValueError, PortableState, load_state, save_state

pytestmark = pytest.mark.xdist_group("keras")


def other_shape(state: PortableState) -> PortableState:
    """The last tensor of another shape: what comes before it fits."""
    last = {name: np.zeros(5, np.float32) for name in state.tensors[1]}
    return dataclasses.replace(state, tensors=(state.tensors[0], last))


def other_names(state: PortableState) -> PortableState:
    renamed = {f"{name}_": array for name, array in state.scalars.items()}
    return dataclasses.replace(state, scalars=renamed)


def other_dtype(state: PortableState) -> PortableState:
    counter = {"skipped_steps": np.asarray(0.0, np.float32)}
    return dataclasses.replace(state, scalars=state.scalars | counter)


def too_large(state: PortableState) -> PortableState:
    return dataclasses.replace(state, scalars=state.scalars | {"predicted_loss": np.asarray(1e300)})


UNFIT = [
    (lambda state: dataclasses.replace(state, rule="adamw"), "E_STATE_RULE"),
    (lambda state: state.in_order(["w"]), "E_STATE_NUMBER"),
    (other_shape, "E_STATE_SHAPE"),
    (other_names, "E_STATE_NAMES"),
    (other_dtype, "E_STATE_DTYPE"),
    (too_large, "E_STATE_RANGE"),
]


@pytest.mark.reliability("R67", "R74")
@pytest.mark.parametrize(("change", "code"), UNFIT, ids=[code for _, code in UNFIT])
def test_a_state_that_does_not_fit_changes_nothing(
    change: Callable[[PortableState], PortableState], code: str, tmp_path: Path
) -> None:
    """The state of another rule, or of other tensors, is a ValueError that leaves the optimizer as it was."""
    torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
    params = [torch.nn.Parameter(torch.ones(shape)) for shape in ((2, 3), ())]
    optimizer = momo_torch.MomoAdam(params)
    state = change(stepped())
    before = optimizer.portable_state()
    with pytest.raises(InvalidValueError) as caught:
        optimizer.load_portable_state(state)
    assert caught.value.code == code
    assert_same_state(optimizer.portable_state(), before)
    path = tmp_path / "state"
    save_state(path, state)
    for backend in KERAS_BACKENDS:
        process_pool(backend).submit(keras_is_left_alone, path, code).result()
    jax, momo_jax = pytest.importorskip("jax"), pytest.importorskip("momo_jax")
    with pytest.raises(InvalidValueError) as caught:
        momo_jax.from_portable(state, momo_jax.momo_adam(), [jax.numpy.ones((2, 3)), jax.numpy.ones(())])
    assert caught.value.code == code


def keras_is_left_alone(path: Path, code: str) -> None:
    import keras

    import momo_keras

    optimizer = momo_keras.MomoAdam()
    with pytest.raises(InvalidValueError) as caught:
        optimizer.portable_state()
    assert caught.value.code == "E_STATE_UNBUILT"
    optimizer.build([keras.Variable(np.ones(shape, np.float32)) for shape in ((2, 3), ())])
    before = [np.array(variable.numpy()) for variable in optimizer.variables]
    with pytest.raises(InvalidValueError) as caught:
        optimizer.load_portable_state(load_state(path))
    assert caught.value.code == code
    for variable, old in zip(optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)


@pytest.mark.reliability("R67")
def test_the_error_names_both_rules() -> None:
    """Who loads the state of MoMo into AdamW reads both names."""
    rule, params = rule_and_params("adamw")
    with pytest.raises(InvalidValueError, match="'momo'.*'adamw'"):
        stepped("momo").restored(rule, params)


def test_a_setting_that_is_part_of_the_state_must_agree() -> None:
    """Between two sequences there are no parameters but with the beta that was used."""
    state = stepped("schedule_free_sps", beta=0.5)
    state.restored(*rule_and_params("schedule_free_sps", beta=0.5))
    for hyper in (state.hyper, {}):
        with pytest.raises(InvalidValueError) as caught:
            dataclasses.replace(state, hyper=hyper).restored(*rule_and_params("schedule_free_sps", beta=0.75))
        assert caught.value.code == "E_STATE_HYPER"
    stepped("momo", beta=0.5).restored(*rule_and_params("momo", beta=0.75))


@pytest.mark.reliability("R65", "R74")
def test_dtypes_follow_the_optimizer_that_goes_on() -> None:
    """A float64 state is rounded once for float32 parameters; a float32 state is exact for float64 ones."""
    third = {"predicted_loss": np.asarray(1 / 3), "lower_bound_estimate": np.asarray(-np.inf)}
    wide = stepped(dtype="float64")
    narrow = dataclasses.replace(wide, scalars=wide.scalars | third).restored(*rule_and_params())
    assert narrow.scalars["predicted_loss"].dtype == narrow.leaves[1]["grad_avg"].dtype == np.float32
    assert narrow.scalars["predicted_loss"] == np.float32(1 / 3)
    assert narrow.scalars["lower_bound_estimate"] == -np.inf
    assert narrow.scalars["skipped_steps"].dtype == np.int32
    again = stepped().restored(*rule_and_params(dtype="float64"))
    assert again.scalars["weight"].dtype == again.leaves[0]["grad_avg"].dtype == np.float64
    assert again.scalars["weight"] == stepped().scalars["weight"]

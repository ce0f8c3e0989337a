"""What is saved of a Keras optimizer is all of it; run in a process that has one Keras backend."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from conformance_tests.keras_models import (
    OTHERS,
    RULES,
    X,
    Y,
    apply_steps,
    assert_same,
    build,
    everything,
    fit,
    variables_of,
)
from conformance_tests.reliability import by_night, covers
from momo_core import InvalidValueError
from momo_keras import LossScaleOptimizer, Momo, MomoAdam, driver
from momo_spec import load_spec, spec_names

Model = Any


def optimizer_of(rule: str) -> Any:
    """An optimizer with as much state as the rule has."""
    adapts = "adapt_lower_bound" in load_spec(rule).hyper
    return driver.construct(rule, {"adapt_lower_bound": True} if adapts else {})


def by_model(model: Model, fresh: Callable[[], Model], folder: Path) -> Model:
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def by_weights(model: Model, fresh: Callable[[], Model], folder: Path) -> Model:
    model.save_weights(folder / "model.weights.h5")
    again = fresh()
    again.load_weights(folder / "model.weights.h5")
    return again


def by_own_variables(model: Model, fresh: Callable[[], Model], folder: Path) -> Model:
    again, store = fresh(), {}
    again.set_weights(model.get_weights())
    model.optimizer.save_own_variables(store)
    again.optimizer.build(again.trainable_variables)
    again.optimizer.load_own_variables(store)
    return again


def by_deepcopy(model: Model, fresh: Callable[[], Model], folder: Path) -> Model:
    return copy.deepcopy(model)


def by_deepcopy_of_the_optimizer(model: Model, fresh: Callable[[], Model], folder: Path) -> Model:
    again = fresh()
    again.set_weights(model.get_weights())
    again.compile(optimizer=copy.deepcopy(copy.deepcopy(model.optimizer)), loss="mse")
    return again


BY_FILE = (by_model, by_weights)
ROUTES = (*BY_FILE, by_own_variables, by_deepcopy, by_deepcopy_of_the_optimizer)


def copies_of(model: Model, fresh: Callable[[], Model], routes: Sequence[Any]) -> Iterator[tuple[str, Model]]:
    with tempfile.TemporaryDirectory() as folder:
        for route in routes:
            yield route.__name__, route(model, fresh, Path(folder))


def resume(rule: str, routes: Sequence[Any]) -> None:
    """Save a model before the first and before the last of three steps, and go on with what was loaded."""

    def fresh() -> Model:
        return build(optimizer_of(rule), jit_compile=False)

    straight, copies = fresh(), []
    for start, stop in ((0, 2), (2, 3)):
        copies += [(name, start, copied) for name, copied in copies_of(straight, fresh, routes)]
        apply_steps(straight, start, stop)
    for name, start, copied in copies:
        apply_steps(copied, start, 3)
        for one, other in zip(everything(copied), everything(straight), strict=True):
            np.testing.assert_array_equal(one, other, f"{rule} {name} {start}")


@covers("R63", "R72")
def check_every_rule_resumes_to_the_bit() -> None:
    """Saved before the first step or later, as model or as weights only, every rule goes on to the bit."""
    for rule in RULES:
        resume(rule, BY_FILE)


@by_night
def check_other_rules_resume_to_the_bit() -> None:
    for rule in OTHERS:
        resume(rule, BY_FILE)


@covers("R63", "R68", "R72")
def check_every_route_resumes_to_the_bit() -> None:
    """`load_own_variables`, copies of models and of optimizers go on to the bit as files do."""
    for rule in ("momo_am_adam", "schedule_free_sps"):
        resume(rule, ROUTES)


@covers("R72")
def check_fit_goes_on_after_loading() -> None:
    """A model that is saved in the middle of its training and loaded goes on in `fit` to the bit."""
    straight = build(MomoAdam(0.1, weight_decay=0.1, adapt_lower_bound=True))
    fit(straight, x=X[:8])
    with tempfile.TemporaryDirectory() as folder:
        loaded = by_model(straight, lambda: None, Path(folder))
    assert type(loaded.optimizer) is MomoAdam
    assert loaded.optimizer.get_config() == straight.optimizer.get_config()
    for model in (straight, loaded):
        fit(model, x=X[:8])
    assert_same(everything(loaded), everything(straight))


@covers("R72")
def check_callbacks_resume() -> None:
    """A training that is interrupted and restored by BackupAndRestore ends as without the interruption."""

    class Interruption(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    def train(*callbacks: Any) -> Model:
        model = build(MomoAdam(0.1, adapt_lower_bound=True))
        model.fit(X[:8], Y[:8], batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=list(callbacks))
        return model

    straight = train()
    with tempfile.TemporaryDirectory() as folder:
        backup = keras.callbacks.BackupAndRestore(Path(folder, "backup"))
        best = keras.callbacks.ModelCheckpoint(Path(folder, "{epoch}.keras"))
        with pytest.raises(KeyboardInterrupt):
            train(backup, best, Interruption())
        restored = train(backup)
        second = keras.saving.load_model(Path(folder, "2.keras"))
    assert_same(everything(restored), everything(straight))
    fit(second, x=X[:8])
    assert_same(everything(second), everything(straight))


@covers("R67")
def check_state_of_another_rule_is_refused() -> None:
    """The state of another rule is a ValueError that names both, and changes nothing."""
    rules = spec_names()
    stores: dict[str, dict[str, Any]] = {rule: {} for rule in rules}
    optimizers = {rule: built(optimizer_of(rule)) for rule in rules}
    for rule, optimizer in optimizers.items():
        optimizer.save_own_variables(stores[rule])
    for rule, other in zip(rules, rules[1:] + rules[:1], strict=True):
        refuse(optimizers[rule], stores[other], f"'{other}' cannot be loaded into '{rule}'")
    adam = built(keras.optimizers.Adam())
    adam.save_own_variables(store := {})
    refuse(optimizers["momo_adam"], store, "'momo_adam'")
    refuse(MomoAdam(), stores["momo"], "'momo_adam'")
    with tempfile.TemporaryDirectory() as folder:
        model, file = build(Momo()), Path(folder, "model.weights.h5")
        apply_steps(model, 0, 1)
        model.save_weights(file)
        other = build(MomoAdam())
        apply_steps(other, 0, 1)
        before = variables_of(other.optimizer)
        with pytest.raises(ValueError, match="'momo' cannot be loaded into 'momo_adam'"):
            other.load_weights(file)
        assert_same(variables_of(other.optimizer), before)
        with pytest.warns(UserWarning, match="'momo' cannot be loaded"):
            other.load_weights(file, skip_mismatch=True)
        assert_same(everything(other), [*model.get_weights(), *before])


@covers("R66", "R72")
def check_state_that_does_not_fit_is_refused() -> None:
    """The state of other variables or of a newer format is a ValueError where Keras only warns."""
    optimizer, store = built(Momo()), {}
    optimizer.save_own_variables(store)
    header = json.loads(store["header"].tobytes())
    newer = np.frombuffer(json.dumps({**header, "format": header["format"] + 1}).encode(), np.uint8)
    refuse(optimizer, {**store, "header": newer}, "newest known")
    refuse(optimizer, {**store, str(len(store) - 1): np.zeros(())}, "shapes")
    refuse(optimizer, {**store, "3": np.zeros(7)}, "shapes")
    averaged: dict[str, Any] = {}
    built(Momo(use_ema=True)).save_own_variables(averaged)
    refuse(optimizer, averaged, "shapes")
    later = Momo()
    later.load_own_variables(averaged)
    with pytest.raises(InvalidValueError, match="shapes"):
        later.build([keras.Variable(np.ones(3))])
    with pytest.raises(InvalidValueError, match="shapes"):
        optimizer.set_weights(variables_of(optimizer)[:-1])
    Momo().save_own_variables(never_built := {})
    apply_once(optimizer)
    refuse(optimizer, never_built, "shapes")


def built(optimizer: Any) -> Any:
    optimizer.build([keras.Variable(np.ones(3, np.float32))])
    return optimizer


def apply_once(optimizer: Any) -> None:
    optimizer.apply([keras.ops.ones(3)], loss=1.0)


def refuse(optimizer: Any, store: dict[str, Any], message: str) -> None:
    before = variables_of(optimizer)
    with pytest.raises(InvalidValueError, match=message):
        optimizer.load_own_variables(store)
    assert_same(variables_of(optimizer), before)


@covers("R72")
def check_loss_scale_and_state_are_saved_together() -> None:
    """An optimizer within a LossScaleOptimizer goes on to the bit, also when only weights are saved."""

    def fresh() -> Model:
        return build(LossScaleOptimizer(MomoAdam(0.1)))

    fitted: list[list[np.ndarray]] = []
    straight = fresh()
    fit(straight, x=X[:4])
    for _, model in [*copies_of(straight, fresh, BY_FILE), ("", straight)]:
        fit(model, x=X[:4])
        fitted.append(everything(model))
    for copied in fitted[:-1]:
        assert_same(copied, fitted[-1])


def check_config_is_complete() -> None:
    """The config of every optimizer has all settings, and survives JSON."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    optimizers = [
        *(optimizer_of(rule) for rule in spec_names()),
        Momo(beta=0.5, lower_bound=float("-inf"), bias_correction=True, on_nonfinite="propagate"),
        Momo(np.float32(0.5), weight_decay=np.float64(0.25), adapt_lower_bound=True, reset_margin=0.125),
        MomoAdam(
            schedule, 0.5, 0.75, 1e-3, 0.25, proximal_decay=False, clipnorm=1.0, use_ema=True, name="mine"
        ),
    ]
    for optimizer in optimizers:
        config = optimizer.get_config()
        assert type(optimizer).from_config(json.loads(json.dumps(config))).get_config() == config
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
        assert type(again) is type(optimizer)
        assert again.get_config() == config
        assert set(optimizer.names) | {"on_nonfinite", "clipnorm", "name"} <= set(config)


def check_variables_do_not_depend_on_settings() -> None:
    """Keras saves variables by their index, so there are the same ones whatever the settings."""
    shapes = set()
    for options in ({}, {"adapt_lower_bound": True}, {"bias_correction": True}, {"weight_decay": 0.1}):
        optimizer = Momo(**options)
        optimizer.build([keras.Variable(np.ones(3), name="x")])
        shapes.add(tuple((variable.name, tuple(variable.shape)) for variable in optimizer.variables))
    assert len(shapes) == 1


def check_clone_of_a_model_has_its_own_state() -> None:
    """A cloned model trained with a clone of the optimizer leaves the first one and its state alone."""
    model = build(MomoAdam(0.1), jit_compile=False)
    apply_steps(model, 0, 1)
    before = everything(model)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.compile(optimizer=MomoAdam.from_config(model.optimizer.get_config()), loss="mse")
    apply_steps(clone, 0, 2)
    assert_same(everything(model), before)
    assert not np.array_equal(everything(clone)[0], before[0])
    with pytest.raises(ValueError, match="Unknown variable"):
        model.optimizer.apply([keras.ops.ones((3, 2))], clone.trainable_variables[:1], loss=1.0)
    assert_same(everything(model), before)

"""Small models for the checks of Keras, and what to see of them; needs a process with one Keras backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from conformance_tests.comparisons import assert_within, exact_and_bound
from conformance_tests.least_squares import Batch, Training
from conformance_tests.profiles import PARTS
from momo_keras import MomoAdam
from momo_spec import spec_names
from momo_spec.bounds import Rows

BACKEND = keras.config.backend()
SIX_STEPS = 6
CUTTING_RATE = 10.0
"""So large that the loss, and not the rate, decides the length of a step."""

RULES = spec_names() if BACKEND == "torch" else list(PARTS)
"""Of checks that run by day: where steps are compiled, those in which every part of a rule occurs."""

OTHERS = [rule for rule in spec_names() if rule not in RULES]

PENALTY = 0.1
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(4 * SIX_STEPS, 3)).astype(np.float32)
Y = GENERATOR.normal(size=(4 * SIX_STEPS, 2)).astype(np.float32)
WEIGHTS = [GENERATOR.normal(size=shape).astype(np.float32) for shape in ((3, 2), (2,))]
GRADIENTS = [
    [GENERATOR.normal(size=weight.shape).astype(np.float32) for weight in WEIGHTS] for _ in range(SIX_STEPS)
]


class Recorded(MomoAdam):  # type: ignore[misc, valid-type]
    """Keeps what each update was given."""

    def _take_step(self, variables: Any, grads: Any, loss: Any, decayed: Any) -> None:
        self.given = getattr(self, "given", ())
        self.given += (([numpy_of(grad) for grad in grads], float(loss)),)
        super()._take_step(variables, grads, loss, decayed)


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the loss that `fit` reports for each batch, and the optimizer's scalars after it."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.infos: list[dict[str, float]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.losses.append(float(logs["loss"]))
        optimizer = self.model.optimizer
        info = getattr(optimizer, "inner_optimizer", optimizer).last_info._asdict()
        self.infos.append({name: float(slot.numpy()) for name, slot in info.items() if slot is not None})


def numpy_of(array: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(array))


def build(optimizer: Any, **options: Any) -> Any:
    """A compiled model with one layer."""
    penalty = keras.regularizers.L2(PENALTY)
    layer = keras.layers.Dense(
        2, kernel_regularizer=penalty, kernel_constraint=options.pop("constraint", None)
    )
    model = keras.Sequential([keras.layers.Input((3,)), layer])
    model.set_weights(WEIGHTS)
    model.compile(optimizer=optimizer, loss="mse", **options)
    return model


def fit(model: Any, batch_size: int = 4, x: np.ndarray = X, **options: Any) -> Watch:
    watch = Watch()
    model.fit(x, Y[: len(x)], batch_size=batch_size, shuffle=False, verbose=0, callbacks=[watch], **options)
    return watch


def flat(model: Any) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def batches(batch_size: int, penalty: float = PENALTY) -> list[Batch]:
    """What `fit` trains the model of `build` on, as least squares of its weights in one row."""
    penalties = np.repeat([penalty, 0.0], [WEIGHTS[0].size, WEIGHTS[1].size])
    rows = np.array([np.concatenate([np.kron(x, np.eye(2)), np.eye(2)], axis=1) for x in X.astype(float)])
    return [
        Batch(
            rows[first : first + batch_size].reshape(-1, 8), Y[first : first + batch_size].ravel(), penalties
        )
        for first in range(0, len(X), batch_size)
    ]


def fit_bound(hyper: Mapping[str, Any], batch_size: int = 4, penalty: float = PENALTY) -> Rows:
    """How far rounding errors may carry `fit` with `MomoAdam`."""
    start = [weight.astype(float) for weight in WEIGHTS]
    return Training("momo_adam", hyper, start, batches(batch_size, penalty)).bound("float32")[-1:]


def assert_trained_alike(one: Any, other: Any, bound: Rows) -> None:
    """The weights of two models are at most twice the bound apart."""
    assert_within(flat(one)[None], flat(other)[None], bound, bound)


def variables_of(optimizer: Any) -> list[np.ndarray]:
    return [variable.numpy() for variable in optimizer.variables]


def assert_same(left: list[np.ndarray], right: list[np.ndarray]) -> None:
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other)


def ways_to_fit() -> list[dict[str, Any]]:
    ways: list[dict[str, Any]] = [{"run_eagerly": True}, {}]
    if BACKEND != "torch":
        ways += [{"jit_compile": True}, {"steps_per_execution": 3}]
    return ways


def replay(optimizer: Recorded, hyper: dict[str, Any]) -> tuple[Rows, Rows]:
    """Where the specification takes the weights, given what the optimizer was given, and the bound."""
    steps = [{"grads": grads, "loss": loss} for grads, loss in optimizer.given]
    exact, bound = exact_and_bound("momo_adam", hyper, (WEIGHTS, steps), "float32")
    return exact[-1:], bound[-1:]


def apply_steps(model: Any, start: int, stop: int) -> None:
    """Steps with prescribed gradients and losses, without `fit`."""
    for index in range(start, stop):
        grads = [ops.convert_to_tensor(grad) for grad in GRADIENTS[index]]
        model.optimizer.apply(grads, model.trainable_variables, loss=2.0 / (index + 1))


def everything(model: Any) -> list[np.ndarray]:
    """Weights of a model and state of its optimizer."""
    return [*model.get_weights(), *variables_of(model.optimizer)]


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Within it, layers have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

"""A direction of one's own with the step of MoMo, in Keras: the mean size of the gradients as metric."""

from typing import Any

import keras
import numpy as np

import momo_core
import momo_keras


def precondition(grad: Any, grad_avg: Any, leaf: Any, hyper: Any, *, xp: Any) -> Any:
    """New state of a tensor, and its direction."""
    size = 0.99 * leaf["size"] + 0.01 * xp.abs(grad)
    return {"size": size}, grad_avg / (size + hyper["eps"])


@keras.saving.register_keras_serializable()
class Mine(momo_keras.OwnOptimizer):
    """MoMo with that direction."""

    direction = momo_core.preconditioned(precondition, ["size"])
    kind = momo_core.own_kind("mine", direction, hyper={"beta": (0.9, "[0, 1)"), "eps": (1e-8, "(0, inf)")})


def main() -> None:
    """Fit a line."""
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).normal(size=(256, 4)).astype(np.float32)
    targets = inputs @ np.arange(4, dtype=np.float32)[:, None]
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=Mine(learning_rate=1.0), loss="mse")
    print(f"first loss {model.evaluate(inputs, targets, verbose=0):.2e}")
    model.fit(inputs, targets, batch_size=32, epochs=25, verbose=0)
    print(f"step size {float(model.optimizer.step_size.numpy()):.2e}")
    print(f"last  loss {model.evaluate(inputs, targets, verbose=0):.2e}")


if __name__ == "__main__":
    main()

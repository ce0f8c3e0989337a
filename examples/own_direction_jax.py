"""A direction of one's own with the step of MoMo, in JAX: the mean size of the gradients as metric."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

import momo_core
import momo_jax


def precondition(grad: Any, grad_avg: Any, leaf: Any, hyper: Any, *, xp: Any) -> Any:
    """New state of a tensor, and its direction."""
    size = 0.99 * leaf["size"] + 0.01 * xp.abs(grad)
    return {"size": size}, grad_avg / (size + hyper["eps"])


def mine(learning_rate: optax.ScalarOrSchedule, **hyper: Any) -> optax.GradientTransformationExtraArgs:
    """MoMo with that direction."""
    direction = momo_core.preconditioned(precondition, ["size"])
    own = {"beta": (0.9, "[0, 1)"), "eps": (1e-8, "(0, inf)")}
    kind = momo_core.own_kind("mine", direction, hyper=own)
    return momo_jax.own_optimizer(kind, learning_rate=learning_rate, **hyper)


def main() -> None:
    """Fit a line."""
    inputs = jax.random.normal(jax.random.key(0), (64, 4))
    targets, params, optimizer = inputs @ jnp.arange(4.0), jnp.zeros(4), mine(1.0)

    @jax.jit
    def take(params: jax.Array, state: Any) -> Any:
        loss, grads = jax.value_and_grad(lambda x: ((inputs @ x - targets) ** 2).mean())(params)
        updates, state = optimizer.update(grads, state, params, value=loss)
        return optax.apply_updates(params, updates), state, loss

    state = optimizer.init(params)
    for step in range(200):
        params, state, loss = take(params, state)
        if step % 50 == 0:
            print(f"{step:4d}  loss {loss:.2e}  step size {state.step_size:.2e}")
    print(f"last  loss {loss:.2e}")


if __name__ == "__main__":
    main()

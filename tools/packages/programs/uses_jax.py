"""A step in JAX, compiled."""

import jax
import optax  # type: ignore[import-untyped]

import momo_jax

optimizer = momo_jax.momo(learning_rate=1.0)


def loss_of(params: jax.Array) -> jax.Array:
    """A loss."""
    return (params**2).sum()


@jax.jit
def step(params: jax.Array, state: momo_jax.MomoState) -> tuple[jax.Array, momo_jax.MomoState]:
    """A step."""
    loss, gradients = jax.value_and_grad(loss_of)(params)
    updates, state = optimizer.update(gradients, state, params, value=loss)
    return optax.apply_updates(params, updates), state


params = jax.numpy.array([1.0, 2.0, 3.0])
params, state = step(params, optimizer.init(params))
assert params.tolist() == [0.5, 1.0, 1.5]

"""
The model-based optimizers as optax gradient transformations.

>>> import jax, momo_jax, optax
>>> params = jax.numpy.array([1.0, 2.0, 3.0])
>>> optimizer = momo_jax.momo(learning_rate=1.0, weight_decay=0.1)
>>> state = optimizer.init(params)
>>> loss, grads = jax.value_and_grad(lambda params: (params**2).sum())(params)
>>> updates, state = optimizer.update(grads, state, params, value=loss)
>>> optax.apply_updates(params, updates).round(6).tolist()
[0.5, 1.0, 1.5]

Compiled steps on a CPU are taken by generated kernels where Numba is installed and they take the tensors:
`implementation` says so, and ``MOMO_JAX_FUSED=0`` in the environment turns them off.

optax is loaded where a transformation is made: Keras on JAX takes its steps from `step`, without optax.
"""

from . import optimizers
from .accumulation import MultiSteps, MultiStepsState
from .optimizers import *  # noqa: F403
from .own import own_optimizer
from .portable import from_portable, portable_state
from .state import MomoState, last_info
from .stepping import implementation

__all__ = [
    "MomoState",
    "MultiSteps",
    "MultiStepsState",
    "from_portable",
    "implementation",
    "last_info",
    "own_optimizer",
    "portable_state",
]
__all__ += optimizers.__all__

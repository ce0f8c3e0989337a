"""
The model-based optimizers for Keras 3, on its TensorFlow, JAX and torch backends.

>>> import momo_keras
>>> optimizer = momo_keras.MomoAdam(learning_rate=1e-2)

``model.compile(optimizer=optimizer, ...)`` and ``model.fit`` are all that it takes.
"""

from .adapter import ModelBasedOptimizer
from .callbacks import InfoCallback
from .loss_scale import LossScaleOptimizer
from .optimizers import *  # noqa: F403
from .optimizers import __all__ as _optimizers
from .own import OwnOptimizer

__all__ = ["InfoCallback", "LossScaleOptimizer", "ModelBasedOptimizer", "OwnOptimizer", *_optimizers]

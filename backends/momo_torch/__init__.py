"""
The model-based optimizers for PyTorch.

>>> import torch
>>> from momo_torch import Momo
>>> x = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
>>> optimizer = Momo([x], lr=1.0, weight_decay=0.1)
>>> loss = (x**2).sum()
>>> loss.backward()
>>> _ = optimizer.step(loss=loss)
>>> x.detach().numpy().round(6).tolist()
[0.5, 1.0, 1.5]
"""

from .adapter import ModelBasedOptimizer
from .optimizers import *  # noqa: F403
from .optimizers import __all__ as _optimizers
from .own import OwnOptimizer

__all__ = ["ModelBasedOptimizer", "OwnOptimizer", *_optimizers]

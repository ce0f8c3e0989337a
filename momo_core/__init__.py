"""
The model-based optimizers as pure functions on arrays of any Array-API library.

>>> import numpy as np
>>> import momo_core
>>> rule = momo_core.momo(learning_rate=1.0, weight_decay=0.1)
>>> params = [np.array([1.0, 2.0, 3.0])]
>>> state = rule.init(params)
>>> params, state, info = rule.step(params, [2 * params[0]], 14.0, state)
>>> params[0].round(12).tolist()
[0.5, 1.0, 1.5]
"""

from .direction import Direction
from .model import CUT, FIXED, Model
from .own import own_kind, preconditioned
from .portable import PortableState, load_state, save_state
from .reduction import Reduction
from .rule import Kind, Rule
from .rules import *  # noqa: F403
from .rules import __all__ as _rules
from .state import Info, State
from .validate import InvalidTypeError, InvalidValueError, MissingLossError

__all__ = [
    "CUT",
    "FIXED",
    "Direction",
    "Info",
    "InvalidTypeError",
    "InvalidValueError",
    "Kind",
    "MissingLossError",
    "Model",
    "PortableState",
    "Reduction",
    "Rule",
    "State",
    "load_state",
    "own_kind",
    "preconditioned",
    "save_state",
    *_rules,
]

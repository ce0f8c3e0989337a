"""A step on NumPy arrays."""

import numpy as np

import momo_core

rule = momo_core.momo(learning_rate=1.0)
params = [np.array([1.0, 2.0, 3.0])]
state = rule.init(params)
params, state, info = rule.step(params, [2 * params[0]], 14.0, state)
assert params[0].tolist() == [0.5, 1.0, 1.5]
assert not info.skipped

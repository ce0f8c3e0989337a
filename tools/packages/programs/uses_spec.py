"""A step by the specification itself, in 50 digits, and a check of its files."""

import momo_spec
from momo_spec.check import check_spec
from momo_spec.vector_file import load_vectors

momo = momo_spec.Evaluator(momo_spec.load_spec("momo"), {"learning_rate": 1.0})
params, info = momo.step(momo.start([[1.0, 2.0, 3.0]]), [[2.0, 4.0, 6.0]], 14.0)
assert [float(entry) for entry in params[0]] == [0.5, 1.0, 1.5]
assert not info["skipped"]
assert check_spec("momo") == []
assert load_vectors("momo")

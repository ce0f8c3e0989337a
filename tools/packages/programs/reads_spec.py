"""The optimizers of the specification, without what evaluates them in many digits."""

import momo_spec

titles = {name: momo_spec.load_spec(name).title for name in momo_spec.spec_names()}
assert titles["momo"] == "MoMo"

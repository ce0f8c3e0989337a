"""
``momo train``: one small network, one optimizer, every backend, one trajectory.

The command prepares a *task* (data, initial weights, batches), trains it in one process a
backend, trains it as well by the spec in float64, and holds every backend to a bound that is
computed from the rounding errors its precision allows.
"""

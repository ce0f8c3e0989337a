"""
Sweeps over the tensors of a step, generated from the specification and compiled by Numba.

An adapter gives them addresses and numbers.  They know no framework, and the numbers come from the core.
Numba is loaded by the modules of this package, not by the package itself.
"""

"""The executable specification of the model-based optimizers."""

from .evaluate import Evaluator
from .language import EquationError
from .load import SPEC_VERSION, OptimizerSpec, SpecError, load_spec, spec_names

__all__ = [
    "SPEC_VERSION",
    "EquationError",
    "Evaluator",
    "OptimizerSpec",
    "SpecError",
    "load_spec",
    "spec_names",
]

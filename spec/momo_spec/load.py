"""Read the optimizers of the specification from their TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .language import Equation, Expression, parse_equation, parse_expression

SPEC_VERSION = "0.1"

PHASES = (
    "begin",
    "leaf",
    "measure",
    "measure_sums",
    "choose",
    "accumulate",
    "sums",
    "solve",
    "apply",
    "displacement",
    "finish",
)
"""The phases of a step, in order."""

PER_LEAF = frozenset({"leaf", "measure", "measure_sums", "accumulate", "sums", "apply", "displacement"})
"""Phases that are evaluated once for each parameter tensor; the others once a step."""

FRAMEWORKS = ("torch", "jax", "keras")

DESCRIPTION = ("name", "title", "summary", "source", "direction", "model", "needs_loss", "experimental")
"""What a document says about an optimizer as a whole."""


class SpecError(ValueError):
    """A specification file that contradicts the format."""


@dataclass(frozen=True)
class Hyper:
    """A hyper-parameter."""

    name: str
    kind: str
    scope: str
    default: float | bool | str
    doc: str
    code: str
    domain: str = ""
    unit: str = ""
    symbol: str = ""
    message: str = ""
    choices: tuple[str, ...] = ()
    schedulable: bool = False
    internal: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """Type, domain and unit, for a docstring."""
        if self.kind == "choice":
            return " or ".join(f'"{choice}"' for choice in self.choices)
        return "bool" if self.kind == "flag" else f"float, in {self.domain} [{self.unit}]"

    def name_in(self, framework: str) -> str:
        """Name of the argument in a framework."""
        return self.names.get(framework, self.name)


@dataclass(frozen=True)
class State:
    """A state variable; `init` is a number or the name of a hyper-parameter."""

    name: str
    init: float | str
    unit: str
    symbol: str
    doc: str


@dataclass(frozen=True)
class Framework:
    """How an optimizer is called in a framework."""

    entry: str
    positional: tuple[str, ...]
    pairs: Mapping[str, tuple[str, str]]
    defaults: Mapping[str, Any]
    names: Mapping[str, str]

    @property
    def class_name(self) -> str:
        """Name of the class, or of the function in JAX."""
        return self.entry


@dataclass(frozen=True)
class Constraint:
    """`require` must hold where `when` does."""

    when: Expression
    require: Expression
    when_text: str
    require_text: str
    code: str
    message: str


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer: frame, step-size model and direction put together."""

    name: str
    title: str
    summary: str
    source: str
    direction: str
    model: str
    needs_loss: bool
    hyper: Mapping[str, Hyper]
    experimental: bool
    leaf_state: Mapping[str, State]
    tensor_state: Mapping[str, State]
    scalar_state: Mapping[str, State]
    equations: Mapping[str, tuple[Equation, ...]]
    info: Mapping[str, Expression]
    constraints: tuple[Constraint, ...]
    special_cases: tuple[Mapping[str, str], ...]
    frameworks: Mapping[str, Framework]


def files_root() -> Path:
    """Folder of the specification files: beside the package, or inside it when installed."""
    here = Path(__file__).parent
    return here if (here / "frame.toml").exists() else here.parent


def project_root() -> Path:
    """
    Folder of the repository, whose files follow from the specification.

    Raises
    ------
    SpecError
        If the package is installed, so that the files around it are not ours to write.
    """
    root = files_root()
    if root == Path(__file__).parent:
        raise SpecError("this needs a copy of the repository; here the package is installed")
    return root.parent


def spec_names() -> tuple[str, ...]:
    """Names of all optimizers, sorted."""
    return tuple(sorted(path.stem for path in (files_root() / "optimizers").glob("*.toml")))


@cache
def load_spec(name: str) -> OptimizerSpec:
    """
    Load an optimizer.

    Parameters
    ----------
    name : str
        One of `spec_names()`.

    Raises
    ------
    SpecError
        If there is no such optimizer or its file contradicts the format.
    """
    if name not in spec_names():
        raise SpecError(f"no optimizer {name!r}; there are {', '.join(spec_names())}")
    return parse_spec(merged_document(name))


@cache
def load_frame(model: str) -> tuple[Mapping[str, Hyper], tuple[Constraint, ...]]:
    """Hyper-parameters and constraints that every optimizer with a step-size model has."""
    root = files_root()
    parts = [read_toml(root / "frame.toml"), read_toml(root / "models" / f"{model}.toml")]
    hypers = _hypers(_overridden(_union(parts, "hyper"), parts))
    return hypers, tuple(_constraint(entry) for entry in _listed(parts, "constraints"))


def merged_document(name: str) -> dict[str, Any]:
    """Frame, optimizer and model of `name` as one document; the schema describes it."""
    root = files_root()
    own = read_toml(root / "optimizers" / f"{name}.toml")
    bases = _bases(root, own)
    model = read_toml(root / "models" / f"{own['model']}.toml")
    parts = [read_toml(root / "frame.toml"), *bases, own, model]
    return {
        **{key: own[key] for key in ("name", "title", "summary", "source", "model")},
        "direction": [part["direction"] for part in [*bases, own] if "direction" in part][-1],
        "needs_loss": model["needs_loss"],
        "experimental": own.get("experimental", False),
        "hyper": _overridden(_union(parts, "hyper"), [model, *bases, own]),
        "state": {
            scope: _union([part.get("state", {}) for part in parts], scope)
            for scope in ("leaf", "tensor", "scalar")
        },
        "equations": {phase: _lines(parts, own, phase) for phase in PHASES},
        "info": _union(parts, "info"),
        "constraints": _listed(parts, "constraints"),
        "special_cases": _listed(parts, "special_cases"),
        "frameworks": own["frameworks"],
    }


def parse_spec(document: Mapping[str, Any]) -> OptimizerSpec:
    """
    Turn a merged document into an optimizer.

    Raises
    ------
    SpecError
        If the document contradicts the format.
    EquationError
        If an equation is not in the language.
    """
    hyper = _hypers(document["hyper"])
    return OptimizerSpec(
        **{key: document[key] for key in DESCRIPTION},
        hyper=hyper,
        leaf_state=_states(document["state"]["leaf"]),
        tensor_state=_states(document["state"]["tensor"]),
        scalar_state=_states(document["state"]["scalar"]),
        equations={
            phase: tuple(parse_equation(line) for line in document["equations"][phase]) for phase in PHASES
        },
        info={name: parse_expression(text) for name, text in document["info"].items()},
        constraints=tuple(_constraint(entry) for entry in document["constraints"]),
        special_cases=tuple(document["special_cases"]),
        frameworks={name: _framework(name, document["frameworks"][name], hyper) for name in FRAMEWORKS},
    )


def read_toml(path: Path) -> dict[str, Any]:
    """A file of the specification as a document."""
    with path.open("rb") as file:
        return tomllib.load(file)


def _union(parts: list[dict[str, Any]], section: str) -> dict[str, Any]:
    union: dict[str, Any] = {}
    for part in parts:
        for key, entry in part.get(section, {}).items():
            if key in union:
                raise SpecError(f"{section} {key!r} is defined twice")
            union[key] = entry
    return union


def _listed(parts: list[dict[str, Any]], section: str) -> list[Any]:
    return [item for part in parts for item in part.get(section, [])]


def _lines(parts: list[dict[str, Any]], own: dict[str, Any], phase: str) -> list[str]:
    """Equations of a phase: of all parts, or of the optimizer alone where it replaces them."""
    sources = [own] if phase in own.get("replaces", []) else parts
    return [line for part in sources for line in part.get("equations", {}).get(phase, [])]


def _bases(root: Path, optimizer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The optimizers that this one builds on, the first one first."""
    if "base" not in optimizer:
        return []
    base = read_toml(root / "optimizers" / f"{optimizer['base']}.toml")
    return [*_bases(root, base), base]


def _overridden(hyper: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    overridden = dict(hyper)
    for part in parts:
        for name, fields in part.get("overrides", {}).items():
            if name not in overridden:
                # A base may override what belongs to its own model.
                continue
            overridden[name] = {**overridden[name], **fields}
    return overridden


def _hypers(entries: Mapping[str, Any]) -> dict[str, Hyper]:
    return {
        name: Hyper(name=name, **{**entry, "choices": tuple(entry.get("choices", ()))})
        for name, entry in entries.items()
    }


def _states(entries: Mapping[str, Any]) -> dict[str, State]:
    return {name: State(name=name, **entry) for name, entry in entries.items()}


def _constraint(entry: Mapping[str, str]) -> Constraint:
    return Constraint(
        when=parse_expression(entry["when"]),
        require=parse_expression(entry["require"]),
        code=entry["code"],
        message=entry["message"],
        when_text=entry["when"],
        require_text=entry["require"],
    )


def _framework(name: str, entry: Mapping[str, Any], hyper: Mapping[str, Hyper]) -> Framework:
    pairs = {key: (first, second) for key, (first, second) in entry.get("pairs", {}).items()}
    known = set(hyper) | set(pairs)
    if unknown := set(entry["positional"]) - known:
        raise SpecError(f"{name}: unknown arguments {sorted(unknown)}")
    return Framework(
        entry=entry["entry"],
        positional=tuple(entry["positional"]),
        pairs=pairs,
        defaults=entry.get("defaults", {}),
        names={key: value.name_in(name) for key, value in hyper.items()},
    )

"""Check that an optimizer of the specification obeys the format; `spec/README.md` states the rules."""

from __future__ import annotations

import json
import keyword
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema

from .language import EquationError, Expression, Name, Number, Operation, names, parse_equation
from .load import (
    FRAMEWORKS,
    PHASES,
    Hyper,
    OptimizerSpec,
    SpecError,
    files_root,
    merged_document,
    parse_spec,
    read_toml,
)
from .visibility import check_names


def check_spec(name: str) -> list[str]:
    """
    Check an optimizer: its files and what they make together.

    Parameters
    ----------
    name : str
        One of `load.spec_names()`.

    Returns
    -------
    list of str
        Problems, empty if there is none.
    """
    problems = check_files(name)
    if problems:
        return problems
    try:
        document = merged_document(name)
    except SpecError as error:
        return [str(error)]
    return check_document(document)


def check_files(name: str) -> list[str]:
    """Check the frame, the optimizer file and its model file against their schemas."""
    root = files_root()
    optimizer = read_toml(root / "optimizers" / f"{name}.toml")
    files = {"optimizer_file": optimizer, "frame_file": read_toml(root / "frame.toml")}
    problems = [] if optimizer.get("name") == name else [f"name: {optimizer.get('name')!r} is in {name}.toml"]
    model = root / "models" / f"{optimizer.get('model')}.toml"
    if model.exists():
        files["model_file"] = read_toml(model)
    else:
        problems.append(f"model: there is no {model.name}")
    for kind, document in files.items():
        schema = {**optimizer_schema(), "$ref": f"#/$defs/{kind}"}
        part = {key: schema[key] for key in ("$schema", "$defs", "$ref")}
        problems += [f"{kind}: {problem}" for problem in schema_problems(document, part)]
    return problems


def check_document(document: Mapping[str, Any]) -> list[str]:
    """
    Check a merged optimizer document.

    Returns
    -------
    list of str
        Problems, each with the place where it is; of an invalid document those of
        the first stage that fails: schema, language, meaning.
    """
    problems = schema_problems(document, optimizer_schema()) or list(_language_problems(document))
    if problems:
        return problems
    try:
        spec = parse_spec(document)
    except (SpecError, EquationError) as error:
        return [str(error)]
    checks = (check_names, _hyper_problems, _state_problems, _constraint_problems, _framework_problems)
    return [problem for check in checks for problem in check(spec)]


def schema_problems(document: Any, schema: Mapping[str, Any]) -> list[str]:
    """Messages of a validator of JSON Schema, with the path in the document."""
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'document'}: {error.message[:300]}"
        for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])
    ]


@cache
def optimizer_schema() -> dict[str, Any]:
    """JSON Schema of a merged optimizer document."""
    schema: dict[str, Any] = json.loads((files_root() / "optimizer.schema.json").read_text(encoding="utf-8"))
    return schema


def _language_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Each equation that does not parse, and not only the first."""
    for phase in PHASES:
        for line in document["equations"][phase]:
            try:
                parse_equation(line)
            except EquationError as error:
                yield f"{phase}: {error}"


def _hyper_problems(spec: OptimizerSpec) -> Iterator[str]:
    for hyper in spec.hyper.values():
        if hyper.kind == "number" and not in_interval(float(hyper.default), hyper.domain):
            yield f"hyper {hyper.name!r}: default {hyper.default} is not in {hyper.domain}"
        if hyper.kind == "choice" and hyper.default not in hyper.choices:
            yield f"hyper {hyper.name!r}: default {hyper.default!r} is not one of {hyper.choices}"
    for code, count in Counter(hyper.code for hyper in spec.hyper.values()).items():
        if count > 1:
            yield f"error code {code} belongs to {count} hyper-parameters"


def _state_problems(spec: OptimizerSpec) -> Iterator[str]:
    for state in spec.scalar_state.values():
        if isinstance(state.init, str) and state.init not in spec.hyper:
            yield f"state {state.name!r}: starts at the unknown {state.init!r}"
    scopes = Counter([*spec.leaf_state, *spec.tensor_state, *spec.scalar_state])
    for name in sorted(name for name, count in scopes.items() if count > 1):
        yield f"state {name!r} is defined in {scopes[name]} scopes"
    for name in sorted({*spec.leaf_state, *spec.tensor_state, *spec.scalar_state} & set(spec.hyper)):
        yield f"{name!r} is both a state and a hyper-parameter"


def _constraint_problems(spec: OptimizerSpec) -> Iterator[str]:
    codes = {hyper.code for hyper in spec.hyper.values()}
    defaults = {name: hyper.default for name, hyper in spec.hyper.items()}
    for constraint in spec.constraints:
        text = f"constraint {constraint.when_text!r} -> {constraint.require_text!r}"
        unknown = {*names(constraint.when), *names(constraint.require)} - set(spec.hyper)
        for name in sorted(unknown):
            yield f"{text}: {name!r} is no hyper-parameter"
        if constraint.code not in codes:
            yield f"{text}: {constraint.code} belongs to no hyper-parameter"
        if unknown:
            continue
        if condition_holds(constraint.when, defaults) and not condition_holds(constraint.require, defaults):
            yield f"{text}: the defaults break it"


def condition_holds(condition: Expression, values: Mapping[str, float | bool | str]) -> bool:
    """Whether a condition of a constraint holds: a flag, or a number compared with a literal."""
    if isinstance(condition, Operation) and condition.operator in ("==", ">"):
        left, right = (_literal(side, values) for side in condition.arguments)
        return left == right if condition.operator == "==" else left > right
    return bool(_literal(condition, values))


def _literal(expression: Expression, values: Mapping[str, float | bool | str]) -> float:
    match expression:
        case Name(name):
            return float(values[name])
        case Number(value):
            return float(value)
        case Operation("negate", (Number(value),)):
            return -float(value)
    raise SpecError("a constraint compares a name with a literal")


def _framework_problems(spec: OptimizerSpec) -> Iterator[str]:
    public = [hyper for hyper in spec.hyper.values() if not hyper.internal]
    for framework in FRAMEWORKS:
        yield from (f"{framework}: {problem}" for problem in _target_problems(spec, framework, public))


def _target_problems(spec: OptimizerSpec, framework: str, public: list[Hyper]) -> Iterator[str]:
    target = spec.frameworks[framework]
    paired = [name for pair in target.pairs.values() for name in pair]
    for name in sorted(set(paired) - set(spec.hyper)):
        yield f"a pair of the unknown hyper-parameter {name!r}"
    for name in sorted(set(target.pairs) - set(target.positional)):
        yield f"the pair {name!r} is not among the positional arguments"
    for name in sorted(set(target.defaults) - set(target.positional) - set(spec.hyper)):
        yield f"a default for the unknown argument {name!r}"
    for name in target.positional:
        if name in paired or (name in spec.hyper and spec.hyper[name].internal):
            yield f"{name!r} cannot be positional"
    arguments = [*target.pairs, *(h.name_in(framework) for h in public if h.name not in paired)]
    for argument, count in Counter(arguments).items():
        if count > 1:
            yield f"{count} arguments are called {argument!r}"
        if keyword.iskeyword(argument):
            yield f"{argument!r} is a keyword of Python"


def in_interval(number: float, interval: str) -> bool:
    """Whether a number lies in an interval such as ``[0, 1)``."""
    low, high = (float(end) for end in interval[1:-1].split(", "))
    above = number >= low if interval[0] == "[" else number > low
    return above and (number <= high if interval[-1] == "]" else number < high)

"""The specification obeys its own format, and the checks notice when it does not."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance_tests.profiles import PARTS, PROFILE, mostly
from momo_spec import generate, lint
from momo_spec import vectors as vectors_module
from momo_spec.branches import possible_branches
from momo_spec.check import check_document, check_spec
from momo_spec.load import files_root, load_frame, load_spec, merged_document, spec_names
from momo_spec.numbering import is_dense, numbered_group
from momo_spec.vector_file import Vector, load_one_steps, load_vectors, one_step_root, read_document
from momo_spec.vectors import vector_group

Document = dict[str, Any]


@pytest.mark.parametrize("name", spec_names())
def test_specification_is_clean(name: str) -> None:
    assert check_spec(name) == []


def swap(phase: str, old: str, new: str) -> Callable[[Document], None]:
    """Replace a text in the equations of a phase."""

    def mutate(document: Document) -> None:
        lines = document["equations"][phase]
        assert any(old in line for line in lines)
        document["equations"][phase] = [line.replace(old, new) for line in lines]

    return mutate


def add(phase: str, line: str) -> Callable[[Document], None]:
    return lambda document: document["equations"][phase].append(line)


def put(*path: Any) -> Callable[[Document], None]:
    """Set the value at a path; the last part is the value."""
    *keys, last, new = path

    def mutate(document: Document) -> None:
        for key in keys:
            document = document[key]
        document[last] = new

    return mutate


def drop(*path: Any) -> Callable[[Document], None]:
    *keys, last = path

    def mutate(document: Document) -> None:
        for key in keys:
            document = document[key]
        del document[last]

    return mutate


HYPER = {"kind": "flag", "scope": "rule", "default": False, "code": "E_NEW", "doc": "New."}
CONSTRAINT = {"code": "E_BETA", "message": "Invalid beta"}
STATE = {"init": 0.0, "unit": "1", "symbol": "s", "doc": "New."}
BROKEN: dict[str, tuple[Callable[[Document], None], str]] = {
    "no title": (drop("title"), "'title' is a required property"),
    "unknown key": (put("colour", "red"), "'colour' was unexpected"),
    "unknown phase": (put("equations", "end", []), "'end'"),
    "default of the wrong kind": (put("hyper", "beta", "default", True), "hyper.beta"),
    "flag with a domain": (put("hyper", "adapt_lower_bound", "domain", "[0, 1]"), "adapt_lower_bound"),
    "malformed domain": (put("hyper", "beta", "domain", "0..1"), "hyper.beta.domain"),
    "malformed code": (put("hyper", "beta", "code", "beta"), "hyper.beta.code"),
    "message without the value": (put("hyper", "beta", "message", "Invalid beta"), "hyper.beta.message"),
    "name of an unknown framework": (put("hyper", "beta", "names", {"mxnet": "b"}), "mxnet"),
    "not an equation": (add("solve", "step_size == 1"), "solve"),
    "not in the language": (add("solve", "extra = exp(loss)"), "not in the equation language: 'exp(loss)'"),
    "undefined name": (swap("solve", "max(gap, 0)", "max(gape, 0)"), "'gape' is not defined here"),
    "used before it is defined": (
        swap("begin", "beta_k * weight", "gap * weight"),
        "'gap' is not defined here",
    ),
    "tensor in a scalar phase": (swap("solve", "- decay_drop", "- param"), "'param' is not defined here"),
    "rate of a group in a scalar phase": (swap("solve", "cap = max_l", "cap = l"), "'learning_rate' is not"),
    "array among the numbers of a tensor": (add("leaf", "extra = grad * 2"), "'grad' is not defined here"),
    "moved before it is moved": (swap("accumulate", "* grad", "* new_param"), "'new_param' is not defined"),
    "sum of the same phase": (add("sums", "extra = sum(grad) + norm_sq"), "'norm_sq' is not defined here"),
    "sum in the wrong phase": (
        swap("accumulate", "new_share * grad", "new_share * sum(grad)"),
        "'sum' outside",
    ),
    "no sum in a phase of sums": (swap("sums", "sum(grad_avg * param)", "decay"), "no 'sum'"),
    "sum that leaves an array": (add("sums", "extra = grad * sum(grad)"), "an array is left"),
    "sum of a number": (add("sums", "extra = sum(decay)"), "'sum' of a number"),
    "assigned twice": (add("solve", "gap = 0"), "'gap' is assigned twice"),
    "hyper-parameter assigned": (add("begin", "beta = 0.5"), "'beta' cannot be assigned"),
    "function assigned": (add("begin", "sqrt = 0.5"), "'sqrt' cannot be assigned"),
    "computed for nothing": (add("solve", "extra = loss"), "'extra' is computed and never used"),
    "unused hyper-parameter": (put("hyper", "extra", HYPER), "hyper 'extra' is never used"),
    "unused state": (put("state", "leaf", "extra", STATE), "state 'extra' is never used"),
    "state never updated": (drop("equations", "finish", 0), "state 'predicted_loss' is never updated"),
    "parameters not moved": (drop("equations", "apply", 0), "'new_param' is never computed"),
    "no step size": (put("info", {"truncation": "truncation"}), "'step_size' is a required property"),
    "info of nothing": (put("info", "truncation", "theta"), "info 'truncation': 'theta' is not defined"),
    "start at nothing": (put("state", "scalar", "weight", "init", "rho"), "starts at the unknown 'rho'"),
    "default outside of the domain": (put("hyper", "beta", "default", 1.0), "default 1.0 is not in [0, 1)"),
    "one code twice": (put("hyper", "beta", "code", "E_LOWER_BOUND"), "E_LOWER_BOUND belongs to 2"),
    "constraint on nothing": (put("constraints", 0, "when", "lr == inf"), "'lr' is no hyper-parameter"),
    "constraint with a foreign code": (put("constraints", 0, "code", "E_OTHER"), "E_OTHER belongs to no"),
    "constraint too clever": (put("constraints", 0, "when", "beta < 0.5"), "constraints.0.when"),
    "defaults break a constraint": (
        put("constraints", 0, {"when": "beta == 0.9", "require": "lower_bound > 0"} | CONSTRAINT),
        "the defaults break it",
    ),
    "unknown positional argument": (
        put("frameworks", "jax", "positional", ["learning_rate", "theta"]),
        "unknown arguments ['theta']",
    ),
    "positional argument twice": (put("frameworks", "jax", "positional", ["beta", "beta"]), "non-unique"),
    "framework missing": (drop("frameworks", "keras"), "'keras' is a required property"),
    "two arguments of one name": (
        put("hyper", "beta", "names", {"torch": "lr"}),
        "2 arguments are called 'lr'",
    ),
    "keyword of Python": (put("hyper", "beta", "names", {"jax": "lambda"}), "'lambda' is a keyword"),
    "internal argument": (
        put("frameworks", "jax", "positional", ["authors_numerator"]),
        "'authors_numerator' cannot be positional",
    ),
    "pair of nothing": (put("frameworks", "torch", "pairs", {"betas": ["beta", "beta3"]}), "'beta3'"),
}

BROKEN_ADAPTIVE: dict[str, tuple[Callable[[Document], None], str]] = {
    "choice with a domain": (put("hyper", "beta_scope", "domain", "[0, 1]"), "hyper.beta_scope"),
    "choice of nothing": (put("hyper", "beta_scope", "choices", []), "hyper.beta_scope.choices"),
    "default that is no choice": (put("hyper", "beta_scope", "default", "layer"), "'layer' is not one of"),
    "number with choices": (put("hyper", "lambd", "choices", ["none"]), "hyper.lambd"),
    "experimental by a word": (put("experimental", "yes"), "is not of type 'boolean'"),
    "state of a tensor as an array": (
        add("measure_sums", "extra = sum(beta_product)"),
        "'sum' of a number",
    ),
    "state of a tensor among the scalars": (
        add("choose", "extra = beta_product"),
        "'beta_product' is not defined here",
    ),
    "state of a tensor never updated": (
        drop("equations", "accumulate", 3),
        "state 'beta_product' is never updated",
    ),
    "state in two scopes": (put("state", "scalar", "beta_product", STATE), "defined in 2 scopes"),
    "sum where tensors are measured": (swap("measure", "- grad", "- sum(grad)"), "'sum' outside"),
    "no sum where the measures are added": (
        add("measure_sums", "extra = lacking"),
        "no 'sum' in a phase of sums",
    ),
    "choice by an array": (swap("choose", "numerator /", "change /"), "'change' is not defined here"),
    "chosen before it is measured": (
        swap("begin", "weight = 1", "weight = denominator"),
        "'denominator' is not defined here",
    ),
    "moved before it is chosen": (
        swap("measure", "- grad", "- beta_t * grad"),
        "'beta_t' is not defined here",
    ),
}


@pytest.mark.parametrize(
    ("name", "case"), [("momo", case) for case in BROKEN] + [("am_adamw", case) for case in BROKEN_ADAPTIVE]
)
def test_broken_document_is_reported(name: str, case: str) -> None:
    mutate, message = {**BROKEN, **BROKEN_ADAPTIVE}[case]
    document = copy.deepcopy(merged_document(name))
    mutate(document)
    problems = check_document(document)
    assert any(message in problem for problem in problems), problems


def test_a_base_is_built_on() -> None:
    """The equations are those of the base, the model and what is overridden its own."""
    momo, sgdm, sps = (load_spec(name) for name in ("momo", "sgdm", "sps"))
    assert sgdm.equations["accumulate"] == sps.equations["accumulate"] == momo.equations["accumulate"]
    assert sps.equations == momo.equations
    assert not sgdm.needs_loss
    assert (sps.hyper["beta"].default, sps.hyper["beta"].internal) == (0.0, True)
    assert sps.hyper["beta"].domain == momo.hyper["beta"].domain
    assert (
        load_spec("adamw").hyper["learning_rate"].default == load_spec("adam").hyper["learning_rate"].default
    )


def test_a_model_overrides_the_frame() -> None:
    """Only where a Polyak step ends it, the learning rate may be infinite."""
    for spec in map(load_spec, spec_names()):
        polyak = spec.model in ("cut", "schedule_free")
        assert spec.hyper["learning_rate"].domain == ("[0, inf]" if polyak else "[0, inf)"), spec.name
    for model, domain in (("cut", "[0, inf]"), ("fixed", "[0, inf)")):
        assert load_frame(model)[0]["learning_rate"].domain == domain


def test_generated_files_are_current() -> None:
    assert generate.stale_files() == []


def test_files_of_an_optimizer_that_is_gone_are_stale(tmp_path: Path) -> None:
    pages = tmp_path / "docs" / "rules"
    pages.mkdir(parents=True)
    (pages / "[name].md.jinja").write_text("{{ header }} {{ spec.title }}", encoding="utf-8")
    (pages / "notes.md").write_text("Written by hand.", encoding="utf-8")
    assert len(generate.write_files(tmp_path)) == len(spec_names())
    assert generate.stale_files(tmp_path) == []
    gone = (pages / "momo.md").rename(pages / "momo_of_yore.md")
    assert generate.stale_files(tmp_path) == [pages / "momo.md", gone]
    assert generate.write_files(tmp_path) == [pages / "momo.md", gone]
    assert {path.stem for path in pages.glob("*.md")} == {*spec_names(), "notes"}


def test_numbers_of_tests_are_never_used_again() -> None:
    """Tests keep theirs whatever is said of them; what changes in substance is another test."""
    tests = [{"hyper": {"beta": value}, "comment": "old"} for value in (0.25, 0.5, 0.75)]
    first = numbered_group("T2", tests, None)
    assert [test["tcId"] for test in first["tests"]] == [1001, 1002, 1003]
    other = [{"hyper": {"beta": 0.0}, "comment": "new"}, {**tests[2], "comment": "new"}, tests[0]]
    second = numbered_group("T2", other, first)
    assert [(test["tcId"], test["hyper"]["beta"]) for test in second["tests"]] == [
        (1001, 0.25), (1003, 0.75), (1004, 0.0)
    ]  # fmt: skip
    assert second["withdrawn"] == [1002]
    third = numbered_group("T2", [*tests, *other[1:2]][:2], second)
    assert [test["tcId"] for test in third["tests"]] == [1001, 1005]
    assert third["withdrawn"] == [1002, 1003, 1004]
    assert all(is_dense({"tier": "T2", **group}) for group in (first, second, third))
    assert not is_dense({"tier": "T2", "tests": third["tests"]})


@pytest.mark.parametrize("name", mostly(spec_names(), PARTS))
@pytest.mark.parametrize("tier", ["T0", "invalid"])
def test_vectors_are_current(name: str, tier: str) -> None:
    (written,) = (group for group in read_document(name)["groups"] if group["tier"] == tier)
    assert vector_group(load_spec(name), tier) == written


@pytest.mark.parametrize("name", ["momo", "sgdm"])
def test_one_step_vectors_are_current(name: str) -> None:
    assert vectors_module.one_step_document(load_spec(name)) == read_document(name, one_step_root())


def test_lint_notices_a_changed_one_step() -> None:
    vector = load_one_steps("momo_adam")[0]
    assert lint.vector_problems(vector) == []
    last = vector.expect[-1]
    params = (np.nextafter(last.params[0], np.inf), *last.params[1:])
    moved = dataclasses.replace(
        vector, expect=(*vector.expect[:-1], dataclasses.replace(last, params=params))
    )
    assert any("params differ" in problem for problem in lint.vector_problems(moved))
    early = {"f64": {name: [1.0, *bounds[1:]] for name, bounds in vector.tol["f64"].items()}}
    loose = lint.vector_problems(dataclasses.replace(vector, tol={**vector.tol, **early}))
    assert any("where nothing rounds" in problem for problem in loose)
    tight = {name: _shrunk(tol) for name, tol in vector.tol.items()}
    found = lint.vector_problems(dataclasses.replace(vector, tol=tight))
    assert any("leaves its bound" in problem for problem in found)
    rounding = dataclasses.replace(vector.steps[0], grads=tuple(grad / 3 for grad in vector.steps[0].grads))
    inexact = lint.vector_problems(dataclasses.replace(vector, steps=(rounding, *vector.steps[1:])))
    assert any("before the last step" in problem for problem in inexact)


def test_every_format_has_a_one_step_vector_of_every_rule() -> None:
    for name in spec_names():
        formats = {dtype for vector in load_one_steps(name) for dtype in vector.dtypes}
        assert formats >= {"float64", "float32", "bfloat16"}, name


def test_error_codes_are_documented() -> None:
    text = (files_root() / "README.md").read_text(encoding="utf-8")
    codes = {hyper.code for name in spec_names() for hyper in load_spec(name).hyper.values()}
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


@pytest.fixture(scope="module", params=spec_names())
def vectors(request: pytest.FixtureRequest) -> tuple[Vector, ...]:
    return load_vectors(request.param).tests


@pytest.mark.skipif(PROFILE != "nightly", reason="not run: half a minute, `make lint` does the same")
def test_vectors_lint_clean() -> None:
    assert lint.lint_vectors() == []


def test_vectors_cover_all_pairs_of_branches(vectors: tuple[Vector, ...]) -> None:
    branches = possible_branches(load_spec(vectors[0].algorithm))
    assert lint.branch_pairs(vectors) >= {(a, b) for a in branches for b in branches}


def test_lint_notices_a_changed_expectation(vectors: tuple[Vector, ...]) -> None:
    for tier in ("T0", "T2"):
        vector = next(vector for vector in vectors if vector.tier == tier)
        first = vector.expect[0]
        params = (np.nextafter(first.params[0], np.inf), *first.params[1:])
        moved = dataclasses.replace(
            vector, expect=(dataclasses.replace(first, params=params), *vector.expect[1:])
        )
        assert any("params differ" in problem for problem in lint.vector_problems(moved))
        bound = dataclasses.replace(
            vector, tol={name: _shrunk(tol) for name, tol in vector.tol.items()}, bits=24
        )
        assert lint.vector_problems(vector) == []
        assert tier == "T0" or any("leaves its bound" in problem for problem in lint.vector_problems(bound))


def _shrunk(tol: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [0.0] * len(bounds) for name, bounds in tol.items()}


def test_lint_notices_other_hyper_parameters(vectors: tuple[Vector, ...]) -> None:
    names = {"WeightDecay": "weight_decay", "LowerBound": "lower_bound"}
    vector, flag = next((vector, flag) for flag in names for vector in vectors if flag in vector.flags)
    other = dataclasses.replace(vector.problem, hyper={**vector.problem.hyper, names[flag]: 0.0})
    assert lint.vector_problems(dataclasses.replace(vector, problem=other))

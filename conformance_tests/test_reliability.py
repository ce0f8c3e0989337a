"""Every reliability case on every framework, by its number; and no case is open."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance_tests.cases import Case, all_cases, find_case
from conformance_tests.cells import group_of, process_pool
from conformance_tests.profiles import only_nightly
from conformance_tests.rigs import RIGS, load_rig
from momo_core import InvalidTypeError, InvalidValueError
from momo_core.validate import in_interval
from momo_spec import load_spec, spec_names
from tools import reliability_page


def on_rig(rig: str, function: Any, *arguments: Any) -> Any:
    """Call a function of a rig, in the process that runs the framework."""
    if not rig.startswith("keras-"):
        return function(rig, *arguments)
    return process_pool(rig.removeprefix("keras-")).submit(function, rig, *arguments).result()


def group(rig: str) -> pytest.MarkDecorator:
    return pytest.mark.xdist_group(group_of(rig))


def run_case(rig: str, name: str) -> None:
    try:
        find_case(name)(load_rig(rig))
    except pytest.fail.Exception as error:
        raise AssertionError(str(error)) from error  # the other class does not travel between processes


def runs(case: Case) -> list[Any]:
    """The case on each of its rigs; by day Keras on TensorFlow or on JAX is left out, in turn."""
    in_turn = ("keras-tensorflow", "keras-jax")
    left_out = in_turn[int(case.number[1:]) % 2] if {*in_turn} <= {*case.rigs} else ""
    return [
        pytest.param(
            rig,
            case.function.__name__,
            id=f"{case.number}-{case.function.__name__[4:]}-{rig}",
            marks=[
                pytest.mark.reliability(case.number),
                group(rig),
                *([only_nightly] if rig == left_out else []),
            ],
        )
        for rig in RIGS
        if rig in case.rigs
    ]


@pytest.mark.parametrize(("rig", "name"), [run for case in all_cases() for run in runs(case)])
def test_case(rig: str, name: str) -> None:
    on_rig(rig, run_case, name)


@st.composite
def bad_settings(draw: st.DrawFn) -> tuple[str, str, Any, str]:
    """A rule, one of its settings, a value that it must not have, and the code of the refusal."""
    rule = draw(st.sampled_from(spec_names()))
    public = [hyper for hyper in load_spec(rule).hyper.values() if not hyper.internal]
    hyper = draw(st.sampled_from(public))
    wrong = st.one_of(
        st.text(max_size=3),
        st.sampled_from([None, b"1", [0.5], np.ones(2), np.zeros((0,)), np.bool_(True), Decimal("0.5")]),
        st.complex_numbers(),
    )
    if hyper.kind == "choice":
        value = draw(wrong | st.booleans() | st.floats())
        return rule, hyper.name, value, f"{hyper.code}_RANGE"
    if hyper.kind == "flag":
        return rule, hyper.name, draw(wrong | st.floats() | st.integers(0, 1)), f"{hyper.code}_TYPE"
    if draw(st.booleans()):
        return rule, hyper.name, draw(wrong | st.booleans()), f"{hyper.code}_TYPE"
    outside = (st.floats() | st.integers(-9, 9)).filter(lambda value: not in_interval(value, hyper.domain))
    return rule, hyper.name, draw(outside), f"{hyper.code}_RANGE"


def refusals(rig: str, rule: str, name: str, value: Any) -> dict[str, tuple[str, str]]:
    """Class and code of the error by each way to set a value; none may change what there was before."""
    seen = {}
    for way in load_rig(rig).ways_to_set(rule, {name: value}):
        before = way.look()
        try:
            way.attempt()
        except (InvalidTypeError, InvalidValueError) as error:
            seen[way.name] = (type(error).__name__, error.code)
        else:
            seen[way.name] = ("accepted", "")
        assert way.look() == before
    return seen


WAYS = {
    "core": {"constructor"},
    "torch": {"constructor", "add_param_group", "load_state_dict"},
    "jax": {"constructor"},
    "keras": {"constructor", "from_config"},
}


@pytest.mark.reliability("R04", "R08", "R09", "R13", "R15", "R21")
@pytest.mark.parametrize("rig", [pytest.param(rig, marks=group(rig)) for rig in RIGS])
@given(setting=bad_settings())
@example(setting=("am_sgd", "beta_scope", np.ones(2), "E_BETA_SCOPE_RANGE"))
@example(setting=("momo", "adapt_lower_bound", np.ones(2), "E_ADAPT_LOWER_BOUND_TYPE"))
@example(setting=("momo", "learning_rate", 10**400, "E_LEARNING_RATE_TYPE"))
@settings(max_examples=4 * settings().max_examples)
def test_a_bad_setting_is_the_same_error_everywhere(rig: str, setting: tuple[str, str, Any, str]) -> None:
    """A bad setting of any rule, by any way, is the same error with the same code; nothing is written."""
    rule, name, value, code = setting
    error = "InvalidTypeError" if code.endswith("_TYPE") else "InvalidValueError"
    framework = rig.split("-")[0]
    if framework == "keras" and name == "weight_decay" and value is None:
        return  # stands for 0
    assert on_rig(rig, refusals, rule, name, value) == dict.fromkeys(WAYS[framework], (error, code))


def test_no_case_is_open() -> None:
    assert reliability_page.find_problems(reliability_page.load_cases(), reliability_page.find_proofs()) == []


def test_the_page_of_the_cases_is_current() -> None:
    page = reliability_page.render(reliability_page.load_cases(), reliability_page.find_proofs())
    assert reliability_page.PAGE.read_text(encoding="utf-8") == page, "run `make generate`"


def test_there_are_88_cases_in_order() -> None:
    cases = reliability_page.load_cases()
    assert [case.number for case in cases] == [f"R{number:02d}" for number in range(1, 89)]
    assert {case.kind for case in cases} == {"holds", "refused", "documented"}


def test_a_case_without_a_test_or_a_mark_without_a_case_is_a_problem() -> None:
    cases, proofs = reliability_page.load_cases(), reliability_page.find_proofs()
    seen = reliability_page.find_problems(cases, [proof for proof in proofs if "R33" not in proof.numbers])
    assert "R33 is open: A loss that is NaN" in seen
    seen = reliability_page.find_problems([case for case in cases if case.number != "R33"], proofs)
    assert "r33_nan_loss names R33, which is no case" in seen

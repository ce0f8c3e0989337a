"""The suite as others run it: Python optimizers, programs behind the harness protocol, reports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from conformance_tests.conform_subjects import FAULTS
from conformance_tests.profiles import only_nightly
from momo_cli.conform import protocol
from momo_cli.conform.findings import EVERYTHING, ONLY_IN
from momo_cli.conform.judge import judge
from momo_cli.conform.report import Report, as_json, as_page
from momo_cli.conform.subjects import python_subject
from momo_cli.conform.subjects.harness import HarnessSubject
from momo_cli.main import app
from momo_cli.train.backends import BACKENDS
from momo_spec import load_spec
from momo_spec.load import files_root
from momo_spec.vector_file import load_vectors
from tools import third_party_reports

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "harness.js"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="not run: no node")


def momo_conform(*words: str) -> Result:
    return CliRunner().invoke(app, ["conform", *words], env={"COLUMNS": "200"})


def report_of(path: str, rule: str, dtypes: Sequence[str] = ("float64",), **options: Any) -> Report:
    subject = python_subject(path, load_spec(rule), **options)
    return Report(subject.name, rule, tuple(dtypes), judge(subject, load_vectors(rule), dtypes))


def test_own_torch_optimizer_conforms_in_every_dtype() -> None:
    pytest.importorskip("torch", reason="not run: no torch")
    report = report_of("momo_torch:SPS", "sps", ("float64", "float32", "float16", "bfloat16"))
    assert report.conforms
    assert {dtype for verdict in report.verdicts for dtype in verdict.passed} == set(report.dtypes)
    assert 0 < report.bound_used <= 1
    # What PyTorch has no place for, and what is internal.
    unsupported = {verdict.vector.comment for verdict in report.verdicts if verdict.status == "unsupported"}
    assert "a gradient is missing from the list" in unsupported


def test_own_optax_optimizer_conforms() -> None:
    pytest.importorskip("optax", reason="not run: no optax")
    report = report_of("momo_jax:sps", "sps")
    assert report.conforms
    assert {"no parameter groups", "no argument for authors_numerator"} >= {r for r, _ in report.reasons}


def test_own_keras_optimizer_conforms(tmp_path: Path) -> None:
    if missing := BACKENDS["keras-torch"].missing_packages():
        pytest.skip(f"not run: {', '.join(missing)} not installed")
    words = ["momo_keras:SPS", "--rule", "sps", "--dtype", "float32", "--json", str(tmp_path / "report.json")]
    result = subprocess.run(
        [sys.executable, "-m", "momo_cli.main", "conform", *words],
        env={**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["subject"].endswith("Keras on torch")
    assert document["counts"]["pass"] > len(document["tests"]) / 2


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_under_its_flag(name: str) -> None:
    pytest.importorskip("torch", reason="not run: no torch")
    report = report_of(f"conformance_tests.conform_subjects:{name}", "momo")
    assert not report.conforms
    assert report.findings[0].title == FAULTS[name]


def test_arguments_of_other_names() -> None:
    pytest.importorskip("torch", reason="not run: no torch")
    options = {"flavour": "torch", "rename": {"learning_rate": "rate", "lower_bound": "floor"}}
    report = report_of("conformance_tests.conform_subjects:Renamed", "momo", **options)
    assert report.conforms
    assert "no argument for beta" in {reason for reason, _ in report.reasons}
    assert all(
        verdict.status == "unsupported" for verdict in report.verdicts if "WeightDecay" in verdict.flags
    )
    scheduled = [verdict.status for verdict in report.verdicts if "Schedule" in verdict.flags]
    assert "pass" in scheduled


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere:Momo", "--rule", "momo"], "No module named 'nowhere'"),
        (["math:nothing", "--rule", "momo"], "no attribute 'nothing'"),
        (["math:pi", "--rule", "momo"], "not callable"),
        (["math:sqrt", "--rule", "momo"], "say --flavour"),
        (["conformance_tests.conform_subjects:Renamed", "--rule", "none"], "no optimizer 'none'"),
        (["momo_torch:Momo", "--rule", "momo", "--rename", "rate=lr"], "no hyper-parameter 'rate'"),
        (["momo_torch:Momo", "--rule", "momo", "--rename", "beta=b"], "no argument 'b'"),
        (["momo_torch:Momo", "--rule", "momo", "--rename", "beta"], "NAME=ARGUMENT"),
        (["momo_torch:Momo", "--rule", "momo", "--dtype", "float8"], "no dtype 'float8'"),
        (["momo_torch:Momo", "--rule", "momo", "--test", "999"], "no test 999"),
        (["--flavour", "torch", "--rule", "momo", "--", "program"], "belong to a Python optimizer"),
    ],
)
def test_wrong_calls(words: list[str], message: str) -> None:
    pytest.importorskip("torch", reason="not run: no torch")
    result = momo_conform(*words)
    assert result.exit_code == 2
    assert message in re.sub(r"[\s│]+", " ", result.output)


@needs_node
def test_the_example_conforms() -> None:
    result = momo_conform("--rule", "momo", "--dtype", "float64", "--", "node", str(EXAMPLE))
    assert result.exit_code == 0, result.output
    assert "momo.js 1.0" in result.output
    assert "checkpoints: resumed in a fresh process" in result.output


BUGS = {
    "WeightDecay": ("- scale * size * average[i]", "- size * average[i]"),
    "ZeroStep": ("Math.max(decayed - weight * bound, 0) / descent", "(decayed - weight * bound) / descent"),
    "Cap": ("Math.min(cap, Math.max", "Math.min(Infinity, Math.max"),
    "NonFinite": (".every(Number.isFinite)", ".every(() => true)"),
    "Reset": (
        "bound = hyper.lower_bound + Math.max(decayed / weight - hyper.lower_bound, 0) / 2",
        "bound = 0",
    ),
    "Invalid": ('code + "_RANGE"', 'code + "_TYPE"'),
    "BiasCorrection": ("const cap = rate / weight", "const cap = rate"),
}


@needs_node
@pytest.mark.parametrize("flag", BUGS)
def test_a_bug_in_the_example_is_found_under_its_flag(flag: str, tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    old, new = BUGS[flag]
    assert text.count(old) == 1
    (tmp_path / "harness.js").write_text(text.replace(old, new), encoding="utf-8")
    with protocol.opened(["node", str(tmp_path / "harness.js")], 10) as channel:
        subject = HarnessSubject(channel, "momo")
        report = Report(subject.name, "momo", ("float64",), judge(subject, load_vectors("momo"), ["float64"]))
    assert flag in report.findings[0].flags
    assert report.findings[0].smallest.status == "fail"


LOST = {
    "a field": ("JSON.stringify(this, (_, x) => (", "JSON.stringify({ ...this, predicted: 0 }, (_, x) => ("),
    "digits": ("? encode(x) : x));", "? encode(Math.fround(x)) : x));"),
    "what is not in the object": ("this.weight = 0;", "this.weight = 0; COUNT += 1;"),
}


@needs_node
@pytest.mark.parametrize("what", LOST)
def test_state_that_a_dump_loses_is_found(what: str, tmp_path: Path) -> None:
    old, new = LOST[what]
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(old) == 1
    text = text.replace(old, new)
    if "COUNT" in new:
        text = text.replace("class Momo {", "let COUNT = 0;\nclass Momo {").replace(
            "const loss = decode(lossText)", "const loss = decode(lossText) + (COUNT ? 0 : 1)"
        )
    program = tmp_path / "harness.js"
    program.write_text(text, encoding="utf-8")
    with protocol.opened(["node", str(program)], 10) as channel, ExitStack() as stack:
        fresh = partial(protocol.opened, ["node", str(program)], 10)
        subject = HarnessSubject(channel, "momo", fresh=lambda: stack.enter_context(fresh()))
        report = Report(subject.name, "momo", ("float64",), judge(subject, load_vectors("momo"), ["float64"]))
    assert subject.checkpoints
    assert report.findings[0].title == "Checkpoint"
    assert report.findings[0].smallest.failures[0].quantity == "checkpoint"
    assert "resumed from a dump" in report.findings[0].smallest.failures[0].message


@needs_node
def test_a_program_without_checkpoints_is_not_asked_for_any(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace(', features: ["checkpoint"]', "")
    program = tmp_path / "harness.js"
    program.write_text(text.replace("  dump: ", "  dumped: "), encoding="utf-8")
    words = ["--rule", "momo", "--dtype", "float64", "--json", str(tmp_path / "report.json")]
    result = momo_conform(*words, "--", "node", str(program))
    assert result.exit_code == 0, result.output
    assert "checkpoints: unsupported" in result.output
    assert json.loads((tmp_path / "report.json").read_text())["checkpoints"] == "unsupported"


@needs_node
def test_the_session_of_the_docs_is_that_of_the_example() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    lines = {mark: re.findall(f"^{mark} (.*)$", page, flags=re.MULTILINE) for mark in "<>"}
    assert len(lines["<"]) == len(lines[">"]) > 1
    requests = "".join(f"{line}\n" for line in lines[">"])
    result = subprocess.run(
        ["node", str(EXAMPLE)], input=requests, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == lines["<"]


def recorded(channel: protocol.Channel) -> list[dict[str, Any]]:
    """The messages that will be sent."""
    sent: list[dict[str, Any]] = []
    send = channel._send
    channel._send = lambda message: (sent.append(message), send(message))[1]  # type: ignore[method-assign]
    return sent


@needs_node
def test_messages_of_a_session_fit_the_schema() -> None:
    schema = protocol.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    start = partial(protocol.opened, ["node", str(EXAMPLE)], 10)
    with start() as channel, start() as other:
        sent = [recorded(each) for each in (channel, other)]
        subject = HarnessSubject(channel, "momo", fresh=lambda: other)
        judge(subject, load_vectors("momo"), ["float64"])
    straight, resumed = ({message["command"] for message in each} for each in sent)
    assert straight == {"start", "init", "step", "dump", "stop"}
    assert resumed == {"start", "load", "step", "stop"}
    for message in (*sent[0], *sent[1]):
        assert protocol.first_problem(message, message["command"]) == ""
        assert validator.is_valid(message)
    for each in sent:
        assert [message["seq"] for message in each] == list(range(len(each)))
    assert schema["$defs"]["start"]["properties"]["protocol"]["const"] == protocol.PROTOCOL_VERSION


HELLO = '{"seq": 0, "protocol": 1, "name": "n", "dtypes": ["float64"]}'
START = f"import sys, time\nsys.stdin.readline()\nprint('''{HELLO}''', flush=True)\n"

BROKEN = {
    "hangs": ("import time\ntime.sleep(60)", "no reply to 'start' within 0.5 s"),
    "hangs later": (START + "time.sleep(60)", "no reply to 'init' within 0.5 s"),
    "dies": (
        "import sys\nsys.exit('out of luck')",
        "ended with status 1 instead of a reply to 'start': out of luck",
    ),
    "dies later": (START + "sys.exit(7)", "ended with status 7 instead of a reply to 'init'"),
    "garbage": ("print('Hello', flush=True)\ninput()", "the reply to 'start' is no JSON: Hello"),
    "no object": ("print('[1]', flush=True)\ninput()", "does not fit the schema"),
    "older": (
        f"print('''{HELLO.replace('1', '0', 1)}''', flush=True)\ninput()",
        "has version 0 of the protocol, this is 1",
    ),
    "wrong number": (START.replace('"seq": 0', '"seq": 5'), "the reply to request 0 is numbered 5"),
    "decimal": (
        START + "for answer in ('', ', \"params\": [1.5]'):\n sys.stdin.readline()\n"
        " print('{\"seq\": %d%s}' % (1 + bool(answer), answer), flush=True)\ntime.sleep(60)",
        "the reply to 'step' does not fit the schema",
    ),
    "another rule": (
        'input()\nprint(\'{"seq": 0, "unsupported": "momo"}\', flush=True)\ninput()',
        "does not support momo",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_program_ends_in_a_message(kind: str, tmp_path: Path) -> None:
    code, message = BROKEN[kind]
    program = tmp_path / "program.py"
    program.write_text(code, encoding="utf-8")
    result = momo_conform("--rule", "momo", "--timeout", "0.5", "--", sys.executable, str(program))
    assert result.exit_code == 3, result.output
    assert message in " ".join(result.output.split())


def test_a_program_that_is_not_there() -> None:
    result = momo_conform("--rule", "momo", "--", "./no-such-program")
    assert result.exit_code == 3
    assert "cannot start ./no-such-program" in result.output


def test_a_factory_with_a_dot_in_place_of_the_colon() -> None:
    result = momo_conform("--rule", "momo", "momo_torch.Momo")
    assert result.exit_code == 3
    assert "MODULE:FACTORY" in result.output


def test_what_follows_a_breakdown_is_not_run(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(START + "sys.exit(7)", encoding="utf-8")
    with protocol.opened([sys.executable, str(program)], 10) as channel:
        verdicts = judge(HarnessSubject(channel, "sps"), load_vectors("sps"), ["float64"])
    assert [verdict.status for verdict in verdicts] == ["fail", *["not run"] * (len(verdicts) - 1)]


EVERYTHING_UNSUPPORTED = (
    START + "for n, line in enumerate(sys.stdin, 1):\n"
    ' print(\'{"seq": %d, "unsupported": "<script>"}\' % n, flush=True)'
)


def test_to_support_nothing_is_no_pass(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(EVERYTHING_UNSUPPORTED, encoding="utf-8")
    page = tmp_path / "report.html"
    words = ["--rule", "sps", "--html", str(page), "--", sys.executable, str(program)]
    result = momo_conform(*words)
    assert result.exit_code == 1
    assert "0 pass, 0 fail" in result.output
    assert "<script>" not in page.read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def third_party() -> Callable[[str, str], Report]:
    """Reports on other implementations, each made once."""
    made: dict[tuple[str, str], Report] = {}

    def get(path: str, rule: str) -> Report:
        if (path, rule) not in made:
            made[path, rule] = third_party_reports.examine(path, rule)
        return made[path, rule]

    return get


SLOW = ("optax.contrib:momo", "optax.contrib:momo_adam")
THIRD_PARTY = [
    pytest.param(name, rule, own, id=own["subject"], marks=only_nightly if own["subject"] in SLOW else [])
    for name, texts in third_party_reports.load_texts().items()
    for rule, own in texts["rules"].items()
]


@pytest.mark.parametrize(("name", "rule", "own"), THIRD_PARTY)
def test_others_fail_where_their_page_says_and_nowhere_else(
    name: str, rule: str, own: dict[str, Any], third_party: Callable[[str, str], Report]
) -> None:
    pytest.importorskip(own["subject"].partition(":")[0], reason="not run: not installed")
    report = third_party(own["subject"], rule)
    page = (third_party_reports.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    section = page.split(f"## {own['subject']}")[1].split("\n## ")[0]
    found = [f"{finding.title}: {len(finding.failed)} of {finding.run}" for finding in report.findings]
    assert found == re.findall("^### (.*)$", section, flags=re.MULTILINE)
    assert list(third_party_reports.disagreements(rule, own, report)) == []


def test_json_report_fits_its_schema(third_party: Callable[[str, str], Report]) -> None:
    pytest.importorskip("momo", reason="not run: no momo-opt")
    report = third_party("momo:Momo", "momo")
    document = json.loads(as_json(report), parse_constant=pytest.fail)
    schema = json.loads((files_root() / "conformance_report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert not document["conforms"]
    failed = {test["tcId"] for test in document["tests"] if test["status"] == "fail"}
    assert failed == {number for finding in document["findings"] for number in finding["failed"]}


def test_web_page_is_self_contained(third_party: Callable[[str, str], Report]) -> None:
    pytest.importorskip("momo", reason="not run: no momo-opt")
    page = as_page(third_party("momo:Momo", "momo"), "html")
    assert not re.search(r"""(src|href)=|url\(|@import""", page)
    assert all(finding.title in page for finding in third_party("momo:Momo", "momo").findings)


@pytest.mark.parametrize(("path", "rule"), [("momo:Momo", "momo"), ("momo:MomoAdam", "momo_adam")])
def test_momo_opt_in_float64_throughout_meets_the_bounds_of_float64(path: str, rule: str) -> None:
    """The remark on `OnlyFloat64`: a default dtype of float64 is all that it takes."""
    pytest.importorskip("momo", reason="not run: no momo-opt")
    import torch

    torch.set_default_dtype(torch.float64)
    try:
        titles = [finding.title for finding in third_party_reports.examine(path, rule).findings]
    finally:
        torch.set_default_dtype(torch.float32)
    remarks = third_party_reports.load_texts()["momo-opt"]["rules"][rule]["remarks"]
    assert set(remarks) - set(titles) == {ONLY_IN["float64"], *({"TinyOrHugeLoss"} & set(remarks))}
    assert EVERYTHING not in titles

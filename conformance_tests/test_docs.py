"""Every block of Python in the documentation runs, and every command exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from conformance_tests.doc_pages import ROOT, WITH_TEST_OF_ITS_OWN, commands, pages, python_blocks
from momo_cli.main import app

TEXTS = {page: page.read_text(encoding="utf-8") for page in pages()}
PROGRAMS = [page for page, text in TEXTS.items() if python_blocks(text) and page != WITH_TEST_OF_ITS_OWN]
COMMANDS = [(page, words) for page, text in TEXTS.items() for words in commands(text)]
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def errors_of(files: list[Path]) -> dict[str, str]:
    """Run pages in a process of their own."""
    result = subprocess.run(
        [sys.executable, "-m", "conformance_tests.doc_worker", *map(str, files)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    errors: dict[str, str] = json.loads(result.stdout)
    return errors


@pytest.fixture(scope="module")
def errors() -> dict[str, str]:
    return errors_of(PROGRAMS)


@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("page", PROGRAMS, ids=name_of)
def test_python_blocks_run(page: Path, errors: dict[str, str]) -> None:
    assert errors[str(page)] == ""


def test_a_block_that_does_not_run_is_found(tmp_path: Path) -> None:
    """A wrong name, a false claim, or a block that needs another page fails its page, and only that."""
    texts = {
        "good": "```python\nx = 1\n```\n<!-- python\nassert x == 1\n-->\n",
        "name": "text\n\n```python\nimport momo_core\nmomo_core.no_such_rule()\n```\n",
        "claim": "```python\nx = 1\n```\n<!-- python\nassert x == 2\n-->\n",
        "other": "- indented:\n\n  ```python\n  print(x)\n  ```\n",
        "shell": "```sh\nno such command\n```\n",
    }
    files = {name: tmp_path / f"{name}.md" for name in texts}
    for name, text in texts.items():
        files[name].write_text(text, encoding="utf-8")
    found = errors_of(list(files.values()))
    last = {name: found[str(file)].strip().split("\n")[-1] for name, file in files.items()}
    assert last["good"] == last["shell"] == ""
    assert last["name"].startswith("AttributeError")
    assert last["claim"].startswith("AssertionError")
    assert last["other"] == "NameError: name 'x' is not defined"
    assert f'{files["name"]}", line 5' in found[str(files["name"])]


def check_command(words: list[str]) -> None:
    """Raise where the command does not exist, or would not take these words."""
    program, *rest = words
    if program == "momo":
        parse(get_command(app), rest)
    elif program == "make":
        assert [target for target in rest if target not in TARGETS] == []
    elif program == "python":
        script = rest[0]
        assert rest[:2] == ["-m", "pytest"] or (ROOT / script).exists()
    else:
        assert [program, *rest[:1]] == ["pip", "install"], f"unknown program: {program}"


def parse(command: object, words: list[str]) -> None:
    """Parse the words of a command of `momo` without running it."""
    while inner := getattr(command, "commands", None):
        command, words = inner[words[0]], words[1:]
    command.make_context("momo", list(words))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=[" ".join(words) for _, words in COMMANDS])
def test_commands_exist(page: Path, words: list[str]) -> None:
    check_command(words)


@pytest.mark.parametrize(
    "words",
    [
        "momo trian",
        "momo train --no-such-option 1",
        "make no-such-target",
        "python examples/none.py",
        "nosuch",
    ],
)
def test_a_command_that_does_not_exist_is_found(words: str) -> None:
    with pytest.raises(BaseException):  # noqa: B017, PT011  (of Typer, of the dict, of an assertion)
        check_command(words.split())

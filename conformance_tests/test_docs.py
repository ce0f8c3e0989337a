"""Every block of Python in the documentation runs, and every command exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from conformance_tests.doc_pages import (
    ROOT,
    WITH_TEST_OF_ITS_OWN,
    commands,
    mentioned_commands,
    pages,
    python_blocks,
)
from momo_cli.main import app


def distinct(lists: Iterable[list[list[str]]]) -> list[list[str]]:
    """Commands of several pages, each once."""
    return sorted(map(list, {tuple(words) for found in lists for words in found}))


TEXTS = {page: page.read_text(encoding="utf-8") for page in pages()}
PROGRAMS = [page for page, text in TEXTS.items() if python_blocks(text) and page != WITH_TEST_OF_ITS_OWN]
COMMANDS = distinct(commands(text) for text in TEXTS.values())
MENTIONED = distinct(mentioned_commands(text) for text in TEXTS.values())
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


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


def called(words: list[str]) -> tuple[Any, list[str]]:
    """The command of `momo` that the words call, and what it is given."""
    command, given = get_command(app), list(words)
    while given and (inner := getattr(command, "commands", None)):
        command = inner[given.pop(0)]
    return command, given


def check_command(words: list[str]) -> None:
    """Raise where the command does not exist, or would not take these words."""
    program, *rest = words
    if program == "momo":
        command, given = called(rest)
        command.make_context("momo", given)
    elif program == "make":
        assert set(rest) - TARGETS == set()
    elif program == "python":
        assert rest[:2] == ["-m", "pytest"] or (ROOT / rest[0]).exists()
    else:
        assert words[:2] == ["pip", "install"]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_exist(words: list[str]) -> None:
    check_command(words)


@pytest.mark.parametrize("words", MENTIONED, ids=" ".join)
def test_commands_within_the_text_exist(words: list[str]) -> None:
    """Without what they would need to run, they name a command or a target."""
    program, *rest = words
    assert rest[0] in TARGETS if program == "make" else called(rest)


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("momo trian", "trian"),
        ("momo train --no-such-option 1", "no-such-option"),
        ("make test no-such-target", "no-such-target"),
        ("python examples/none.py --out a", r"none\.py"),
        ("nosuch command", "nosuch"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str, wrong: str) -> None:
    with pytest.raises(Exception, match=wrong):
        check_command(command.split())

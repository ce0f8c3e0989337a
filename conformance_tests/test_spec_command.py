"""`momo spec list` and `momo spec show` on a narrow terminal."""

from __future__ import annotations

from importlib import metadata

import pytest
from typer.testing import CliRunner

from momo_cli.main import app
from momo_spec import load_spec, spec_names
from momo_spec.load import FRAMEWORKS

NARROW = {"COLUMNS": "80"}


def shown(*words: str) -> str:
    """What `momo spec` prints."""
    result = CliRunner().invoke(app, ["spec", *words], env=NARROW)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_has_each_optimizer_by_its_names_in_every_framework() -> None:
    words = set(shown("list").split())
    for name in spec_names():
        entries = {load_spec(name).frameworks[framework].entry for framework in FRAMEWORKS}
        assert {name, *entries} <= words


@pytest.mark.parametrize("name", spec_names())
def test_everything_of_an_optimizer_is_shown_in_whole(name: str) -> None:
    spec, text = load_spec(name), " ".join(shown("show", name).split())
    for hyper in spec.hyper.values():
        assert f"{hyper.name} = {hyper.default}; " in text
        assert " ".join(hyper.doc.split()) in text
    for state in (spec.leaf_state, spec.tensor_state, spec.scalar_state):
        assert all(f"{entry.name}: per " in text and entry.doc in text for entry in state.values())


def test_the_argument_of_each_framework_is_shown() -> None:
    text = " ".join(shown("show", "momo_adam").split())
    assert "[1]; betas[0] in torch; b1 in jax; beta_1 in keras The weight" in text
    assert "use_fstar in torch Estimate" in text


def test_the_command_tells_the_version_of_the_distribution() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"momo {metadata.version('momo-spec')}\n")

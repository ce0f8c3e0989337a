"""The file of a portable state: anyone reads it, and nothing damaged is taken for one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

import momo_core
from conformance_tests.portable_states import assert_same_state, stepped
from momo_core import InvalidValueError, load_state, save_state
from momo_core.portable_file import FORMAT_VERSION, HEADER_KEY
from momo_spec import spec_names
from momo_spec.load import files_root


@pytest.mark.reliability("R74")
def test_the_file_is_safetensors_with_a_header_by_its_schema(tmp_path: Path) -> None:
    """Anyone reads the state with a safetensors library and a JSON parser."""
    schema = json.loads((files_root() / "state.schema.json").read_text(encoding="utf-8"))
    path = tmp_path / "state"
    for optimizer in spec_names():
        for hyper in ({}, {"learning_rate": np.inf} if momo_core.KINDS[optimizer].model.needs_loss else {}):
            state = stepped(optimizer, **hyper)
            save_state(path, state)
            with safe_open(path, framework="np") as file:
                header = json.loads(file.metadata()[HEADER_KEY], parse_constant=pytest.fail)
            jsonschema.validate(header, schema)
            arrays = safetensors.numpy.load_file(path)
            np.testing.assert_array_equal(arrays["scalars.weight"], state.scalars["weight"])
            assert sorted(key for key in arrays if key.startswith("tensors.1.")) == sorted(
                f"tensors.1.{name}" for name in state.tensors[1]
            )
            assert_same_state(load_state(path), state)
            assert load_state(path).hyper == state.hyper
            assert load_state(path).names == ("w", "b")


def damaged(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Rewrite a file after a change of its header."""

    def rewrite(path: Path) -> None:
        with safe_open(path, framework="np") as file:
            header = json.loads(file.metadata()[HEADER_KEY])
        change(header)
        arrays = safetensors.numpy.load_file(path)
        safetensors.numpy.save_file(arrays, path, metadata={HEADER_KEY: json.dumps(header)})

    return rewrite


def without_header(path: Path) -> None:
    safetensors.numpy.save_file(safetensors.numpy.load_file(path), path)


def rewritten(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Callable[[Path], None]:
    """Rewrite a file with other arrays and the same header."""

    def rewrite(path: Path) -> None:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata()
        safetensors.numpy.save_file(change(safetensors.numpy.load_file(path)), path, metadata=metadata)

    return rewrite


def without_scalars(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays.items() if not name.startswith("scalars")}


@pytest.mark.reliability("R66", "R74")
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (damaged(lambda header: header.update(format_version=FORMAT_VERSION + 1)), "E_STATE_FORMAT"),
        (damaged(lambda header: header.update(format_version=0)), "E_STATE_FORMAT"),
        (damaged(lambda header: header.update(format_version="1")), "E_STATE_FORMAT"),
        (damaged(lambda header: header.pop("format_version")), "E_STATE_FILE"),
        (damaged(lambda header: header.pop("rule")), "E_STATE_FILE"),
        (damaged(lambda header: header.update(rule=1)), "E_STATE_FILE"),
        (damaged(lambda header: header.update(steps=-1)), "E_STATE_FILE"),
        (damaged(lambda header: header.update(steps=True)), "E_STATE_FILE"),
        (damaged(lambda header: header.update(tensor_steps=[1])), "E_STATE_FILE"),
        (damaged(lambda header: header.update(tensor_steps=[2, 0])), "E_STATE_FILE"),
        (damaged(lambda header: header.update(names=["w", "w"])), "E_STATE_FILE"),
        (damaged(lambda header: header.update(hyper=None)), "E_STATE_FILE"),
        (without_header, "E_STATE_FILE"),
        (rewritten(lambda arrays: {**arrays, "tensors.2.grad_avg": np.zeros(2)}), "E_STATE_FILE"),
        (rewritten(lambda arrays: {**arrays, "tensors.-1.grad_avg": np.zeros(2)}), "E_STATE_FILE"),
        (rewritten(lambda arrays: {**arrays, "weight": np.zeros(2)}), "E_STATE_FILE"),
        (rewritten(without_scalars), "E_STATE_FILE"),
    ],
)
def test_a_file_that_is_no_state_is_refused(
    damage: Callable[[Path], None], code: str, tmp_path: Path
) -> None:
    """A newer format, or a header that says nothing or contradicts the tensors, is a ValueError."""
    path = tmp_path / "state"
    save_state(path, stepped())
    damage(path)
    with pytest.raises(InvalidValueError) as caught:
        load_state(path)
    assert caught.value.code == code


@pytest.mark.reliability("R74")
def test_a_damaged_file_is_a_value_error(tmp_path: Path) -> None:
    """A file cut short is never read; one with other bytes in its header raises nothing but ValueError."""
    path = tmp_path / "state"
    save_state(path, stepped())
    whole = path.read_bytes()
    header_end = 8 + int.from_bytes(whole[:8], "little")

    @given(st.integers(0, len(whole) - 1))
    @settings(max_examples=100)
    def cut(length: int) -> None:
        path.write_bytes(whole[:length])
        with pytest.raises(InvalidValueError) as caught:
            load_state(path)
        assert caught.value.code == "E_STATE_FILE"

    @given(st.integers(0, header_end - 1), st.binary(min_size=1, max_size=8))
    @settings(max_examples=200)
    def overwrite(start: int, patch: bytes) -> None:
        path.write_bytes(whole[:start] + patch + whole[start + len(patch) :])
        with contextlib.suppress(InvalidValueError):
            assert load_state(path).rule

    cut()
    overwrite()


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_state(tmp_path / "nothing")


def test_writing_replaces_a_file_in_one_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full half-way, the old state is still there, and nothing else is."""
    path = tmp_path / "state"
    save_state(path, stepped())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("momo_core.portable_file.os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            save_state(path, stepped("momo"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]
    assert path.read_bytes() == before
    save_state(path, stepped("momo"))
    assert load_state(path).rule == "momo"

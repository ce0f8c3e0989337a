"""
Named arrays and a JSON header in one safetensors file.

`docs/portable.md` describes the file, `spec/state.schema.json` is the schema of the header.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from .arrays import Array
from .validate import InvalidValueError

FORMAT_VERSION = 1
HEADER_KEY = "momo_state"
"""Key of the header in the metadata of the file."""

FilePath = str | os.PathLike[str]

_NONFINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def refuse(message: str, code: str) -> NoReturn:
    """
    Reject a state.

    Raises
    ------
    InvalidValueError
        With the code ``E_STATE_<code>``.
    """
    raise InvalidValueError(message, f"E_STATE_{code}")


def write_file(path: FilePath, arrays: Mapping[str, Array], header: Mapping[str, Any]) -> None:
    """Write the file; one that is there is replaced in one move or stays as it is."""
    from safetensors.numpy import save

    target = Path(path)
    # safetensors writes the memory of an array as it lies there.
    contiguous = {name: row if row.flags.c_contiguous else row.copy() for name, row in arrays.items()}
    text = json.dumps({"format_version": FORMAT_VERSION, **header}, allow_nan=False)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        complete = Path(folder, target.name)
        with complete.open("wb") as file:
            file.write(save(contiguous, metadata={HEADER_KEY: text}))
            file.flush()
            os.fsync(file.fileno())
        complete.replace(target)


def read_file(path: FilePath) -> tuple[dict[str, Array], dict[str, Any]]:
    """
    Read the arrays and the header.

    Raises
    ------
    OSError
        If the file cannot be read.
    InvalidValueError
        If it is damaged, has no header, or its format is newer than this program.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):
        pass  # a missing file is an OSError here, whatever safetensors makes of it
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(HEADER_KEY)
            header = _header(path, text)
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (SafetensorError, TypeError, AttributeError) as error:
        refuse(f"{path} is damaged: {error}", "FILE")


def numbers_as_json(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters as JSON has them: infinities and NaN are strings."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in hyper.items()
    }


def numbers_from_json(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters as Python has them."""
    return {
        name: _NONFINITE.get(value, value) if isinstance(value, str) else value
        for name, value in hyper.items()
    }


def _header(path: FilePath, text: str | None) -> dict[str, Any]:
    """The header of a format that this program knows."""
    try:
        header = json.loads(text or "")
        version = header.pop("format_version")
    except (ValueError, AttributeError, KeyError, TypeError):
        refuse(f"{path} is no state of an optimizer", "FILE")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        refuse(f"{path} has the format {version!r}; this program knows {FORMAT_VERSION}", "FORMAT")
    return dict(header)

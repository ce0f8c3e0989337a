"""
Whether the structures that XLA shows to the handler of a custom call are those that `frame` reads.

XLA promises to keep them.  The header that comes with it says whether it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

HEADER = Path("xla", "ffi", "api", "c_api.h")

_OBJECT = ("struct_size", "extension_start")
_MEMBERS = {
    "XLA_FFI_CallFrame": (*_OBJECT, "api", "ctx", "stage", "args", "rets"),
    "XLA_FFI_Args": (*_OBJECT, "size", "types", "args"),
    "XLA_FFI_Rets": (*_OBJECT, "size", "types", "rets"),
    "XLA_FFI_Buffer": (*_OBJECT, "dtype", "data", "rank", "dims"),
    "XLA_FFI_Extension_Base": ("struct_size", "type", "next"),
    "XLA_FFI_Metadata_Extension": ("extension_base", "metadata"),
    "XLA_FFI_Metadata": ("struct_size", "api_version"),
    "XLA_FFI_Api_Version": (*_OBJECT, "major_version", "minor_version"),
    "XLA_FFI_Error_Destroy_Args": (*_OBJECT, "error"),
    "XLA_FFI_ThreadPool_Schedule_Args": (*_OBJECT, "ctx", "task", "data"),
    "XLA_FFI_ThreadPool_NumThreads_Args": (*_OBJECT, "ctx", "num_threads"),
    "XLA_FFI_Api": (
        *_OBJECT,
        "api_version",
        "internal_api",
        *("", "", "XLA_FFI_Error_Destroy"),
        *("",) * 8,
        *("XLA_FFI_ThreadPool_Schedule", "XLA_FFI_ThreadPool_NumThreads"),
    ),
}
"""First members of each structure, in their order; an empty name is that of one that is not used."""

_CONSTANTS = {
    "XLA_FFI_API_MAJOR": 0,
    "XLA_FFI_Extension_Metadata": 1,
    "XLA_FFI_DataType_F32": 11,
    "XLA_FFI_DataType_F64": 12,
}


def is_known(include: Path) -> bool:
    """
    Whether this package can read what XLA shows.

    Parameters
    ----------
    include : Path
        The folder of its headers, ``jax.ffi.include_dir()``.
    """
    try:
        header = (include / HEADER).read_text(encoding="utf-8")
    except OSError:
        return False
    text = re.sub(r"//[^\n]*", "", header)
    return all(_begins(text, name, members) for name, members in _MEMBERS.items()) and all(
        re.search(rf"\b{name}\b\s*=?\s*{value}\b", text) for name, value in _CONSTANTS.items()
    )


def _begins(text: str, structure: str, members: tuple[str, ...]) -> bool:
    """Whether a structure begins with these members."""
    found = list(_members(text, structure))
    return len(found) >= len(members) and all(
        name in ("", there) for name, there in zip(members, found, strict=False)
    )


def _members(text: str, structure: str) -> Iterator[str]:
    """Names of the members of a structure."""
    found = re.search(rf"struct {structure} \{{(.*?)\}}", text, re.DOTALL)
    for member in found[1].split(";") if found else ():
        names = re.findall(r"\w+", member)
        if names:
            yield names[-1]

"""What a build of the wheel does besides copying the packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SpecificationFiles(BuildHookInterface[Any]):
    """
    Put the files of the specification into the package that reads them.

    An editable installation reads them where they are; copies would only grow stale.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a wheel that is no editable one."""
        if version == "editable":
            return
        spec = Path(self.root, "spec")
        paths = (path for path in spec.iterdir() if path.name not in ("momo_spec", "README.md"))
        build_data["force_include"].update({str(path): f"momo_spec/{path.name}" for path in paths})

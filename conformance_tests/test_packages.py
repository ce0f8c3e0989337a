"""
The wheel and the source distribution: what they contain, and that each extra is enough for its packages.

`make packages` installs them for real, in fresh environments.
"""

from __future__ import annotations

import zipfile
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import pytest

from tools.packages.alone import loaded_alone
from tools.packages.archives import (
    FOLDERS,
    ROOT,
    build,
    expected_files,
    sdist_files,
    unpacked,
    wheel_files,
)
from tools.packages.installations import FRAMEWORKS, INSTALLATIONS, Installation

SLOW = {"torch, fast", "keras on tensorflow"}
"""Left to `make packages`: compiling the kernels, and the largest of the frameworks."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the content of the wheel, as pip would install it."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_the_wheel_has_the_packages_and_nothing_else(wheel: Path) -> None:
    """Their modules, the files of the specification, the marker that they are typed; no tests, no caches."""
    files = wheel_files(wheel)
    packaged = {name: hashed for name, hashed in files.items() if ".dist-info/" not in name}
    assert packaged == expected_files()
    assert {name.split("/")[0] for name in packaged} == set(FOLDERS)
    assert {f"{package}/py.typed" for package in FOLDERS} <= set(packaged)
    assert {Path(name).suffix for name in packaged} == {".py", ".typed", ".toml", ".json", ".j2"}


def test_the_wheel_says_what_it_is(site: Path) -> None:
    (folder,) = site.glob("*.dist-info")
    metadata = Distribution.at(folder).metadata
    assert (folder / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    root = unpacked(sdist, tmp_path / "source")
    assert wheel_files(build("wheel", tmp_path / "wheel", root)) == wheel_files(wheel)


def test_the_source_distribution_has_what_its_makefile_needs(sdist: Path) -> None:
    files = sdist_files(sdist)
    assert {"Makefile", "constraints.txt", "pyproject.toml", "LICENSE", "tools/build_hook.py"} <= files
    assert not [name for name in files if "__pycache__" in name or name.endswith(".pyc")]


def test_an_editable_installation_has_no_copies(tmp_path: Path) -> None:
    """Its only file beside the metadata says where the packages are."""
    from hatchling.builders.wheel import WheelBuilder

    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["editable"])
    names = [name for name in wheel_files(Path(path)) if ".dist-info/" not in name]
    assert names == ["_momo_spec.pth"]


@pytest.mark.parametrize(
    "installation",
    [installation for installation in INSTALLATIONS if installation.name not in SLOW],
    ids=lambda installation: installation.name,
)
def test_an_extra_is_enough(installation: Installation, site: Path, tmp_path: Path) -> None:
    """A user's program runs with what the extra installs, and loads no framework but its own."""
    try:
        loaded = loaded_alone(installation, site, tmp_path)
    except PackageNotFoundError as error:
        pytest.skip(f"not run: {error.name} is not installed")
    assert loaded & FRAMEWORKS <= installation.frameworks

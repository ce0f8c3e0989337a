"""Build the wheel and the source distribution, and look into them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "momo_core": ROOT / "momo_core",
    "momo_kernels": ROOT / "momo_kernels",
    "momo_spec": ROOT / "spec" / "momo_spec",
    "momo_torch": ROOT / "backends" / "momo_torch",
    "momo_jax": ROOT / "backends" / "momo_jax",
    "momo_keras": ROOT / "backends" / "momo_keras",
    "momo_cli": ROOT / "cli" / "momo_cli",
}
"""Folder of each package that the wheel has."""

SPECIFICATION = ROOT / "spec"


def build(kind: str, folder: Path, root: Path = ROOT) -> Path:
    """Build a ``wheel`` or ``sdist`` of a copy of the project into a folder, without the network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def wheel_files(wheel: Path) -> dict[str, str]:
    """Hash of each file of a wheel; the list of hashes itself is left out."""
    with zipfile.ZipFile(wheel) as archive:
        names = (name for name in archive.namelist() if not name.endswith("/RECORD"))
        return {name: digest(archive.read(name)) for name in names}


def sdist_files(sdist: Path) -> set[str]:
    """Names of the files of a source distribution, without its topmost folder."""
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}


def unpacked(sdist: Path, folder: Path) -> Path:
    """Unpack a source distribution; returns its topmost folder."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


def expected_files() -> dict[str, str]:
    """Hash of each file that the packages of a wheel should have."""
    packages = {
        f"{package}/{path.relative_to(folder).as_posix()}": path
        for package, folder in FOLDERS.items()
        for path in files_below(folder)
    }
    specification = {
        f"momo_spec/{path.relative_to(SPECIFICATION).as_posix()}": path
        for path in files_below(SPECIFICATION)
        if "momo_spec" not in path.relative_to(SPECIFICATION).parts and path.name != "README.md"
    }
    return {name: digest(path.read_bytes()) for name, path in (packages | specification).items()}


def files_below(folder: Path) -> Iterator[Path]:
    """Files of a folder, but for templates and caches."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jinja")
    return (path for path in found if "__pycache__" not in path.parts)


def digest(content: bytes) -> str:
    """Hash of a file."""
    return hashlib.sha256(content).hexdigest()

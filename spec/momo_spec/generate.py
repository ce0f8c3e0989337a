"""Generate the files that follow from the specification: rules of the core, adapters, their docs."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import jinja2

from . import kernels, latex
from .load import (
    FRAMEWORKS,
    SPEC_VERSION,
    Hyper,
    OptimizerSpec,
    load_frame,
    load_spec,
    project_root,
    spec_names,
)

TEMPLATE_SUFFIX = ".jinja"
EACH = "[name]"
"""In the name of a template: it generates a file for each optimizer."""

OWN_MODELS = ("cut", "fixed")
"""Step-size models that go with a direction of a user's own."""

FOLDERS = ("momo_core", "momo_kernels", "backends", "docs")
"""Where the templates are, and what they generate."""

HEADER = "Generated from the specification by `momo generate`; edit its template."


@dataclass(frozen=True)
class Argument:
    """
    One argument of a constructor in a framework.

    Attributes
    ----------
    name : str
        In the framework.
    default : str
        Source text.
    hypers : tuple of Hyper
        One, or the two of a pair such as ``betas``.
    """

    name: str
    default: str
    hypers: tuple[Hyper, ...]

    @property
    def is_flag(self) -> bool:
        """Whether it is True or False."""
        return self.hypers[0].kind == "flag"

    @property
    def is_choice(self) -> bool:
        """Whether it is one of a few strings."""
        return self.hypers[0].kind == "choice"

    @property
    def is_pair(self) -> bool:
        """Whether it is a tuple of two numbers."""
        return len(self.hypers) > 1

    @property
    def values(self) -> dict[str, str]:
        """Canonical name to the source text that reads its value from the argument."""
        if self.is_pair:
            return {hyper.name: f"{self.name}[{i}]" for i, hyper in enumerate(self.hypers)}
        return {self.hypers[0].name: self.name}

    @property
    def domain(self) -> str:
        """Domain and unit for a docstring."""
        if not self.is_pair:
            return self.hypers[0].description
        ranges = " and ".join(f"in {hyper.domain}" for hyper in self.hypers)
        return f"pair of float, {ranges} [{self.hypers[0].unit}]"

    @property
    def doc(self) -> str:
        """Description for a docstring."""
        return " ".join(hyper.doc for hyper in self.hypers)


def source(value: object) -> str:
    """Python source of a default value."""
    if isinstance(value, float) and math.isinf(value):
        return f'float("{value}")'
    return f'"{value}"' if isinstance(value, str) else repr(value)


def arguments(spec: OptimizerSpec, framework: str) -> tuple[list[Argument], list[Argument]]:
    """Positional and keyword-only arguments of an optimizer in a framework."""
    target = spec.frameworks[framework]
    positional = [_argument(spec, framework, name) for name in target.positional]
    named = {hyper.name for argument in positional for hyper in argument.hypers}
    rest = [hyper for hyper in spec.hyper.values() if hyper.name not in named and not hyper.internal]
    return positional, [_argument(spec, framework, hyper.name) for hyper in rest]


def names_in(spec: OptimizerSpec, framework: str) -> dict[str, str]:
    """Canonical name of each public hyper-parameter to the source text of its argument."""
    return {
        name: text
        for part in arguments(spec, framework)
        for argument in part
        for name, text in argument.values.items()
    }


def _argument(spec: OptimizerSpec, framework: str, name: str) -> Argument:
    target = spec.frameworks[framework]
    hypers = tuple(spec.hyper[part] for part in target.pairs.get(name, (name,)))
    values = tuple(hyper.default for hyper in hypers)
    default = target.defaults.get(name, values if len(values) > 1 else values[0])
    written = "None" if default == "none" else source(default)
    return Argument(hypers[0].name_in(framework) if len(hypers) == 1 else name, written, hypers)


def templates(project: Path) -> Iterable[Path]:
    """
    All templates of the project; each generates the file beside it, or one for each optimizer.

    Names of those that only others use begin with an underscore.
    """
    for folder in FOLDERS:
        found = sorted((project / folder).rglob(f"*{TEMPLATE_SUFFIX}"))
        yield from (path for path in found if not path.name.startswith("_"))


def wrapped(text: str, indent: int) -> str:
    """`text` in lines of at most 100 characters, the second and later ones indented."""
    return textwrap.fill(
        text, 100, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False
    ).lstrip()


def formatted(text: str) -> str:
    """Python source as the formatter of the project writes it."""
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "110", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def cell(text: str) -> str:
    """`text` in a cell of a Markdown table."""
    return text.replace("|", "\\|")


def digest(folder: Path) -> str:
    """Hash of the modules of a folder that are not generated."""
    written = [path for path in sorted(folder.glob("*.py")) if not _template_of(path).exists()]
    return sha256(b"".join(path.read_bytes() for path in written)).hexdigest()[:16]


def _template_of(path: Path) -> Path:
    return path.with_name(path.name + TEMPLATE_SUFFIX)


def render(template: Path, spec: OptimizerSpec | None = None) -> str:
    """Text that a template generates, for one optimizer or for all of them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"wrap": wrapped, "cell": cell}
    text = environment.get_template(template.name).render(
        header=HEADER,
        spec=spec,
        spec_version=SPEC_VERSION,
        specs=[load_spec(name) for name in spec_names()],
        frames={model: load_frame(model) for model in OWN_MODELS},
        arguments=arguments,
        source=source,
        names_in=names_in,
        frameworks=FRAMEWORKS,
        latex=latex,
        kernels=kernels,
        sources=digest(template.parent),
    )
    return formatted(text) if template.with_suffix("").suffix == ".py" else text


def generated_files(project: Path | None = None) -> dict[Path, str]:
    """Path and text of every generated file."""
    texts = {}
    for template in templates(project or project_root()):
        path = template.with_suffix("")
        if EACH not in path.name:
            texts[path] = render(template)
            continue
        for name in spec_names():
            texts[path.with_name(path.name.replace(EACH, name))] = render(template, load_spec(name))
    return texts


def orphaned_files(project: Path, current: Iterable[Path]) -> list[Path]:
    """Files that were generated once and are not among the current ones: of an optimizer that is gone."""
    found = {path for folder in FOLDERS for path in (project / folder).rglob("*") if _is_generated(path)}
    return sorted(found - set(current))


def _is_generated(path: Path) -> bool:
    return path.suffix in (".md", ".py") and HEADER in path.read_text(encoding="utf-8")


def stale_files(project: Path | None = None) -> list[Path]:
    """Generated files that differ from what would be generated now, those that would not be included."""
    project = project or project_root()
    texts = generated_files(project)
    changed = [
        path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    return [*changed, *orphaned_files(project, texts)]


def write_files(project: Path | None = None) -> list[Path]:
    """Write the stale files, delete those that are generated no more; returns all of them."""
    texts = generated_files(project)
    stale = stale_files(project)
    for path in stale:
        if path in texts:
            path.write_text(texts[path], encoding="utf-8")
        else:
            path.unlink()
    return stale

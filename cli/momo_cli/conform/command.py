"""The command ``momo conform``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from momo_spec import SpecError, load_spec
from momo_spec.vector_file import BITS, VectorFile, load_all_vectors

from .judge import all_vectors, judge
from .protocol import opened
from .report import Report, as_json, as_page, show
from .subjects import BrokenSubjectError, Subject, SubjectNotFoundError, python_subject
from .subjects.harness import HarnessSubject

FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
FAILED, BROKEN = 1, 3


def conform(
    subject: Annotated[
        list[str],
        typer.Argument(
            metavar="MODULE:FACTORY | -- PROGRAM [ARGUMENT]...",
            help="A Python optimizer, or a program that speaks the harness protocol.",
            show_default=False,
        ),
    ],
    rule: Annotated[str, typer.Option(metavar="NAME", help="Optimizer of the spec that it should be.")],
    flavour: Annotated[
        Literal["torch", "optax", "keras"] | None,
        typer.Option(help="What the factory makes. Default: found out.", show_default=False),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=ARGUMENT", help="Name of an argument that differs; may be repeated."),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="May be repeated. Default: float64 and float32."),
    ] = None,
    test: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="Only this test; may be repeated.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.01, help="Seconds a program has for a reply.")] = 10.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the report as JSON.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", dir_okay=False, help="Write the report as a web page.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", dir_okay=False, help="Write the report as Markdown.")
    ] = None,
) -> None:
    """
    Put an implementation of yours to the golden vectors of an optimizer.

    Exit status: 0 if nothing failed, 1 if something did or nothing was run, 2 for a wrong call, 3 if the
    program hangs, ends early or makes no sense.
    """
    vectors = _vectors(rule, test)
    dtypes = tuple(dtype or ("float64", "float32"))
    if unknown := set(dtypes) - set(BITS):
        raise typer.BadParameter(f"no dtype {sorted(unknown)[0]!r}; there are {', '.join(BITS)}")
    try:
        with _subject(subject, rule, flavour, rename or [], timeout) as found:
            report = _judged(found, rule, vectors, dtypes)
    except BrokenSubjectError as error:
        Console(stderr=True).print(f"Broken: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(BROKEN) from error
    show(report, Console())
    if json_file:
        json_file.write_text(as_json(report), encoding="utf-8")
    for file, kind in ((html_file, "html"), (markdown_file, "md")):
        if file:
            file.write_text(as_page(report, kind, remarks={}), encoding="utf-8")
    if not report.conforms:
        raise typer.Exit(BROKEN if report.broken else FAILED)


@contextmanager
def _subject(
    words: Sequence[str], rule: str, flavour: str | None, rename: Sequence[str], timeout: float
) -> Iterator[Subject]:
    """The Python optimizer, or the program for as long as it is asked."""
    if len(words) == 1 and FACTORY.fullmatch(words[0]):
        try:
            yield python_subject(words[0], load_spec(rule), flavour=flavour, rename=_renames(rename))
        except SubjectNotFoundError as error:
            raise typer.BadParameter(str(error)) from error
    elif flavour or rename:
        raise typer.BadParameter("--flavour and --rename belong to a Python optimizer")
    else:
        with ExitStack() as stack:
            start = partial(opened, words, timeout)
            channel = stack.enter_context(start())
            yield HarnessSubject(channel, rule, fresh=lambda: stack.enter_context(start()))


def _judged(subject: Subject, rule: str, vectors: VectorFile, dtypes: tuple[str, ...]) -> Report:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(subject.name, total=len(all_vectors(vectors)))
        verdicts = judge(subject, vectors, dtypes, advance=lambda: progress.advance(task))
    return Report(subject.name, rule, dtypes, verdicts, getattr(subject, "checkpoints", False))


def _vectors(rule: str, numbers: Sequence[int] | None) -> VectorFile:
    """Vectors of the optimizer, or those of the numbers."""
    try:
        load_spec(rule)
    except SpecError as error:
        raise typer.BadParameter(str(error)) from error
    vectors = load_all_vectors(rule)
    if not numbers:
        return vectors
    known = {vector.tc_id for vector in all_vectors(vectors)}
    if missing := sorted(set(numbers) - known):
        raise typer.BadParameter(f"{rule} has no test {missing[0]}")
    return replace(
        vectors,
        tests=tuple(vector for vector in vectors.tests if vector.tc_id in numbers),
        invalid=tuple(vector for vector in vectors.invalid if vector.tc_id in numbers),
    )


def _renames(options: Sequence[str]) -> dict[str, str]:
    pairs = [option.partition("=") for option in options]
    if wrong := [name for name, _, argument in pairs if not name or not argument]:
        raise typer.BadParameter(f"--rename needs NAME=ARGUMENT, not {wrong[0]!r}")
    return {name: argument for name, _, argument in pairs}

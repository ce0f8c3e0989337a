"""
Measure the golden vectors by faults that nobody chose: mutants of the core, made by Cosmic Ray.

``make mutants`` (extra ``mutation``) puts each of them to the vectors and the engine tests of
``conformance_tests/mutant_cases.py`` and writes ``docs/mutants.md``: how many die, and every survivor.
"""

from __future__ import annotations

import ast
import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from conformance_tests.mutants import MUTANTS, judged, judged_orders

ROOT = Path(__file__).parent.parent
CORE = ROOT / "momo_core"
FILES = (
    "arrays", "direction", "model", "phases", "reduction", "rule", "state", "step",
    *(f"directions/{path.stem}" for path in sorted((CORE / "directions").glob("[!_]*.py"))),
)  # fmt: skip
"""Everything that a step runs; the rules themselves are generated."""

ARITHMETIC = ("Add", "Sub", "Mul", "Div")
COMPARISONS = ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")
OPERATORS = (
    *(f"ReplaceBinaryOperator_{a}_{b}" for a in ARITHMETIC for b in ARITHMETIC if a != b),
    *(f"ReplaceComparisonOperator_{a}_{b}" for a in COMPARISONS for b in COMPARISONS if a != b),
    "ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is", "AddNot", "NumberReplacer",
    "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue",
    "ReplaceUnaryOperator_Delete_Invert", "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub",
    "ReplaceBinaryOperator_BitAnd_BitOr", "ReplaceBinaryOperator_BitOr_BitAnd", "ZeroIterationForLoop",
)  # fmt: skip
PAGE = ROOT / "docs" / "mutants.md"
REASONS = Path(__file__).with_name("surviving_mutants.json")
"""Why a survivor survives, by file and its two lines."""


@dataclass(frozen=True)
class Made:
    """A mutant: the line that changed, as it was and as it is."""

    file: str
    operator: str
    text: str
    line: int
    old: str
    new: str

    @property
    def key(self) -> str:
        """The same as long as the two lines are."""
        return f"{self.file}: {self.old} -> {self.new}"


def made() -> Iterator[Made]:
    """All mutants that are other programs."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    for name in FILES:
        source = (CORE / f"{name}.py").read_text(encoding="utf-8")
        seen = {meaning(source)}
        for operator in OPERATORS:
            for occurrence in count():
                text = mutate_code(source, get_operator(f"core/{operator}")(), occurrence)
                if text is None:
                    break
                with contextlib.suppress(SyntaxError):
                    if meaning(text) not in seen:
                        seen.add(meaning(text))
                        yield Made(f"momo_core/{name}.py", operator, text, *changed_line(source, text))


def meaning(source: str) -> str:
    """The program without annotations and docstrings, which nothing reads while it runs."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(0)
        if isinstance(node, ast.arguments):
            # `*` and `/` between arguments, which mutants mistake for operators
            node.args, node.posonlyargs, node.kwonlyargs = (
                [*node.posonlyargs, *node.args, *node.kwonlyargs],
                [],
                [],
            )
            node.defaults = [*node.defaults, *filter(None, node.kw_defaults)]
            node.kw_defaults = []
    return ast.unparse(tree)


def changed_line(source: str, text: str) -> tuple[int, str, str]:
    """Number of the first line that differs, as it was and as it is."""
    pairs = zip(source.splitlines(), text.splitlines(), strict=False)
    return next((i, old.strip(), new.strip()) for i, (old, new) in enumerate(pairs, 1) if old != new)


def verdicts(mutants: list[Made], processes: int) -> dict[int, str]:
    """The first test that each mutant fails, empty for survivors; a few mutants a process."""
    batches = [range(start, min(start + 25, len(mutants))) for start in range(0, len(mutants), 25)]

    def judge(batch: range) -> dict[int, str]:
        orders = [
            {"id": str(index), "judge": "everything", "package": "momo_core"}
            | {"file": mutants[index].file, "text": mutants[index].text}
            for index in batch
        ]
        return {int(name): verdict for name, verdict in judged_orders(orders).items() if name.isdigit()}

    with ThreadPoolExecutor(processes) as pool:
        found = track(pool.map(judge, batches), "mutants", total=len(batches))
        return {index: verdict for batch in found for index, verdict in batch.items()}


def page_text(mutants: list[Made], found: Mapping[int, str], seeded: Mapping[str, str]) -> str:
    """The page: totals, survivors with their reasons, and what kills the seeded mutants."""
    reasons: dict[str, str] = json.loads(REASONS.read_text(encoding="utf-8"))
    alive = [mutant for index, mutant in enumerate(mutants) if not found[index]]
    equal = [mutant for mutant in alive if reasons.get(mutant.key, "").startswith("same")]
    share = 1 - (len(alive) - len(equal)) / (len(mutants) - len(equal))
    files = Counter(mutant.file for mutant in mutants)
    left = Counter(mutant.file for mutant in alive)
    lines = [
        "# Mutants",
        "",
        "Faults that are put into the core, and whether the golden vectors and the tests of the engine",
        "notice.  Written by `make mutants`.",
        "",
        "## Generated",
        "",
        f"Cosmic Ray makes {len(mutants)} other programs out of the files that a step runs: other operators,",
        f"comparisons, conditions, numbers, empty loops.  {len(mutants) - len(alive)} die.",
        f"{len(alive)} survive, of which {len(equal)} compute the same as the original, for the reason",
        f"given: **{100 * share:.1f} %** of the others die.",
        "",
        "| file | mutants | survivors |",
        "|---|---|---|",
        *(f"| `{file}` | {number} | {left[file]} |" for file, number in sorted(files.items())),
        "",
        "| survivor | becomes | why |",
        "|---|---|---|",
        *(f"| `{cell(m.old)}` | `{cell(m.new)}` | {reasons.get(m.key, '')} |" for m in alive),
        "",
        "## Seeded",
        "",
        "Faults that people make, and the first test that finds each.",
        "",
        "| id | fault | found by |",
        "|---|---|---|",
        *(f"| {m.id} | {cell(m.description)} | {cell(seeded[m.id])} |" for m in MUTANTS),
    ]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text in a table."""
    return text.replace("|", "\\|")


def main(
    processes: Annotated[int, typer.Option(min=1, help="Processes at a time.")] = 2,
    only: Annotated[
        str, typer.Option(help="Take those of one file, arrays for example, and write nothing.")
    ] = "",
) -> None:
    """Make the mutants, judge them and write the page."""
    mutants = [mutant for mutant in made() if only in ("", Path(mutant.file).stem)]
    found = verdicts(mutants, processes)
    for index, mutant in enumerate(mutants):
        if not found[index]:
            print(f"SURVIVES {mutant.key} ({mutant.operator}, line {mutant.line})")
    print(f"{sum(map(bool, found.values()))} of {len(mutants)} mutants killed")
    if not only:
        PAGE.write_text(page_text(mutants, found, judged()), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)

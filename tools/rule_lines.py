"""
Count the hand-written lines of each rule: its specification and its file in the core.

Blank lines, comments and docstrings do not count, generated files neither.  A direction of several
rules counts for the first one, a step-size model for its rule if only one has it.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import Counter
from pathlib import Path

from momo_spec.generate import TEMPLATE_SUFFIX

ROOT = Path(__file__).resolve().parent.parent
SPEC, CORE = ROOT / "spec", ROOT / "momo_core"


def docstring_lines(source: str) -> set[int]:
    """Numbers of the lines that belong to strings which are statements."""
    return {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def code_lines(path: Path) -> int:
    """Lines of code of a Python or TOML file."""
    source = path.read_text(encoding="utf-8")
    left_out = docstring_lines(source) if path.suffix == ".py" else set()
    return sum(
        number not in left_out and line.strip() != "" and not line.strip().startswith("#")
        for number, line in enumerate(source.splitlines(), start=1)
    )


def rule_files() -> dict[str, list[Path]]:
    """Optimizer to the files that were written for it."""
    paths = sorted((SPEC / "optimizers").glob("*.toml"))
    documents = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in paths}
    models = Counter(document["model"] for document in documents.values())
    files: dict[str, list[Path]] = {}
    counted: set[str] = set()
    for path in paths:
        document = documents[path.stem]
        files[path.stem] = [path]
        if models[document["model"]] == 1:
            files[path.stem].append(SPEC / "models" / f"{document['model']}.toml")
        if "direction" in document and document["direction"] not in counted:
            counted.add(document["direction"])
            files[path.stem].append(CORE / "directions" / f"{document['direction']}.py")
    return files


def shared_files(own: set[Path]) -> list[Path]:
    """Hand-written files of the specification and the core that belong to no rule."""
    core = [
        path for path in sorted(CORE.glob("*.py")) if not path.with_name(path.name + TEMPLATE_SUFFIX).exists()
    ]
    return [
        path
        for path in [SPEC / "frame.toml", *sorted((SPEC / "models").glob("*.toml")), *core]
        if path not in own
    ]


def table(header: list[str], rows: list[list[str]]) -> str:
    """Text in columns: the first one to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return "\n".join(
        "  ".join(text.rjust(width) if i else text.ljust(width) for i, (text, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in [header, *rows])
    )


def main() -> None:
    """Print the lines of each rule, then those that all rules share."""
    rows = []
    for name, files in rule_files().items():
        spec, core = (
            sum(code_lines(path) for path in files if path.suffix == suffix) for suffix in (".toml", ".py")
        )
        rows.append([name, str(spec), str(core), str(spec + core)])
    sums = [str(sum(int(row[i]) for row in rows)) for i in (1, 2, 3)]
    sys.stdout.write(table(["rule", "spec", "core", "total"], [*rows, ["sum", *sums]]) + "\n\n")
    shared = shared_files({path for files in rule_files().values() for path in files})
    counts = [[str(path.relative_to(ROOT)), str(code_lines(path))] for path in shared]
    total = str(sum(int(count) for _, count in counts))
    sys.stdout.write(table(["shared by the rules", "lines"], [*counts, ["sum", total]]) + "\n")


if __name__ == "__main__":
    main()

"""`momo bench`: time the steps of optimizers side by side."""

from __future__ import annotations

import json
import os
import platform
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

if TYPE_CHECKING:
    from .cases import Shapes
    from .measure import Result


def bench(
    shapes: Annotated[
        str,
        typer.Option(help="Own parameter set: shapes such as 512x512*50,1000."),
    ] = "",
    rules: Annotated[str, typer.Option(help="Rules of ours, by comma; all by default.")] = "",
    rounds: Annotated[int, typer.Option(min=2, help="Rounds; each times every optimizer once.")] = 20,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    out: Annotated[Path | None, typer.Option(help="Folder for bench.json and bench.png.")] = None,
) -> None:
    """Time the steps of optimizers side by side in one process: ours, PyTorch's and the authors'."""
    # The profiler that sees allocations is talkative.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    from .cases import PARAMETER_SETS, rule_names, torch_cases
    from .measure import measure

    console = Console()
    names = [name for name in rules.split(",") if name] or list(rule_names())
    if unknown := set(names) - set(rule_names()):
        raise typer.BadParameter(f"no rule {', '.join(sorted(unknown))}")
    sets = {"own shapes": parse_shapes(shapes)} if shapes else PARAMETER_SETS
    found: dict[str, list[Result]] = {}
    with Progress(console=console, transient=True) as progress:
        for label, chosen in sets.items():
            task = progress.add_task(label, total=rounds)
            cases = list(torch_cases(chosen, device, names))
            found[label] = measure(cases, rounds, device, partial(progress.advance, task))
    for label, results in found.items():
        console.print(table(label, results))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "bench.json").write_text(
            json.dumps(as_json(found, rounds, device), indent=1), encoding="utf-8"
        )
        draw(found, out / "bench.png")
        console.print(f"written: {out}/bench.json and bench.png")


def parse_shapes(text: str) -> Shapes:
    """
    Shapes of a parameter set.

    >>> parse_shapes("2x3*2,5")
    [(2, 3), (2, 3), (5,)]
    """
    shapes: Shapes = []
    for part in text.split(","):
        shape, _, times = part.partition("*")
        try:
            shapes += [tuple(int(size) for size in shape.split("x"))] * int(times or 1)
        except ValueError as error:
            raise typer.BadParameter(f"no shape: {part!r}") from error
    return shapes


def table(label: str, results: list[Result]) -> Table:
    """The figures of a parameter set."""
    columns = (
        "optimizer",
        "ms",
        "quartiles",
        "/ AdamW fused",
        "/ limit",
        "first, s",
        "temporaries",
        "state, bytes",
    )
    shown = Table(*columns, title=label)
    for result in results:
        shown.add_row(
            result.name,
            f"{1e3 * result.median:.3g}",
            f"{1e3 * result.quartile_low:.3g}-{1e3 * result.quartile_high:.3g}",
            f"{result.ratio:.2f}",
            "" if result.limit is None else f"{result.median / result.limit:.2f}",
            f"{result.first:.2g}",
            f"{100 * result.temporaries:.0f} %",
            f"{result.state_bytes:.1f}",
        )
    return shown


def as_json(found: dict[str, list[Result]], rounds: int, device: str) -> dict[str, object]:
    """All figures, and where they come from."""
    import torch

    return {
        "device": device if device != "cpu" else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "rounds": rounds,
        "results": {label: [result.as_dict() for result in results] for label, results in found.items()},
    }


def draw(found: dict[str, list[Result]], path: Path) -> None:
    """Bars of the ratios to fused AdamW, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    height = 0.22 * max(map(len, found.values())) + 1
    figure, axes = plt.subplots(1, len(found), figsize=(5.5 * len(found), height), squeeze=False)
    for axis, (label, results) in zip(axes[0], found.items(), strict=True):
        ordered = sorted(results, key=lambda result: -result.ratio)
        axis.barh([result.name for result in ordered], [result.ratio for result in ordered])
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_title(label)
        axis.set_xlabel("time over torch's fused AdamW")
    figure.tight_layout()
    figure.savefig(path, dpi=120)

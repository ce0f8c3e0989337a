"""The command ``momo train``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer
from rich.console import Console

from momo_cli.train.backends import BACKENDS, REFERENCE, Backend
from momo_cli.train.config import Config
from momo_cli.train.jobs import Outcome, run_workers
from momo_cli.train.optimizers import check_optimizer, default_learning_rate
from momo_cli.train.progress import display
from momo_cli.train.reference import noisy_runs
from momo_cli.train.report import Result, as_json, judge, remarks, table
from momo_cli.train.task import Task, prepare

MOST_STEPS = 5000  # long before that, rounding alone decides where a run goes


def train(
    backend: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"Repeat or separate by commas: {', '.join(BACKENDS)}. Default: all."
        ),
    ] = None,
    optimizer: Annotated[str, typer.Option(metavar="NAME", help="Optimizer of the spec.")] = "momo_adam",
    dataset: Annotated[
        Literal["digits", "text", "regression"], typer.Option(help="What is learnt.")
    ] = "digits",
    steps: Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Steps to train.")] = 200,
    batch_size: Annotated[int, typer.Option(min=1, max=4096, help="Examples a step.")] = 64,
    hidden: Annotated[int, typer.Option(min=1, max=1024, help="Hidden units of the network.")] = 32,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate. Default: the optimizer's own, tenfold on digits.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Weight decay.")] = None,
    lower_bound: Annotated[float | None, typer.Option(help="Lower bound of the loss.")] = None,
    adapt_lower_bound: Annotated[
        bool | None, typer.Option("--adapt-lower-bound", help="Estimate the lower bound on the way.")
    ] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train.")] = "cpu",
    dtype: Annotated[
        Literal["float32", "float64"], typer.Option(help="Floating-point type of the training.")
    ] = "float32",
    seed: Annotated[int, typer.Option(min=0, help="Seed of initial weights and batches.")] = 0,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the results.")] = Path("momo-run"),
) -> None:
    """
    Train one network in every backend: is the trajectory the same?

    All backends start at the same weights and see the same batches. Each is
    compared step by step with the spec in float64, within a bound computed
    from what rounding errors can do.
    """
    options = {
        "learning_rate": lr,
        "weight_decay": weight_decay,
        "lower_bound": lower_bound,
        "adapt_lower_bound": adapt_lower_bound,
    }
    hyper = {name: value for name, value in options.items() if value is not None}
    try:
        check_optimizer(optimizer, hyper)
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    hyper.setdefault("learning_rate", default_learning_rate(optimizer, dataset))
    chosen = _chosen_backends(backend)
    config = Config(optimizer, dataset, steps, batch_size, hidden, seed, dtype, device, hyper)
    make_folder(out)
    if not _run(config, chosen, out, named=backend is not None):
        raise typer.Exit(1)


def _chosen_backends(options: list[str] | None) -> list[Backend]:
    if options is None:
        return list(BACKENDS.values())
    names = [name.strip() for option in options for name in option.split(",")]
    if unknown := [name for name in names if name not in BACKENDS]:
        raise typer.BadParameter(f"no backend {unknown[0]!r}; there are {', '.join(BACKENDS)}")
    return [BACKENDS[name] for name in dict.fromkeys(names)]


def make_folder(out: Path) -> None:
    """Make the folder of the results, or say why it cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {out}: {error.strerror}") from error


def _run(config: Config, backends: list[Backend], out: Path, *, named: bool) -> bool:
    """Train, show and save; return whether all is well."""
    console = Console()
    task = prepare(config)
    with TemporaryDirectory(prefix="momo-train-") as temporary:
        folder = Path(temporary)
        task.save(folder)
        totals = {REFERENCE.name: config.steps * (1 + noisy_runs(config.dtype))}
        totals |= dict.fromkeys((backend.name for backend in backends), config.steps)
        with display(console, totals) as view:
            outcomes = run_workers([REFERENCE, *backends], config, folder, view)
        reference = outcomes.pop(REFERENCE.name)
        _keep_logs([reference, *outcomes.values()], out)
        if reference.status != "ran":
            console.print(f"The reference run failed: {reference.message}", style="red", markup=False)
            return False
        results = [judge(task, outcome, reference) for outcome in outcomes.values()]
    _present(console, task, results, reference, out)
    judged = [result for result in results if named or result.outcome.status != "not run"]
    return bool(judged) and all(result.good for result in judged)


def _keep_logs(outcomes: list[Outcome], out: Path) -> None:
    """Keep what the workers that failed wrote to their standard error."""
    for outcome in outcomes:
        log = out / f"{outcome.backend.name}.log"
        log.unlink(missing_ok=True)
        if outcome.status == "failed":
            log.write_bytes(outcome.log.read_bytes())
            outcome.message += f" (details in {log})"


def _present(console: Console, task: Task, results: list[Result], reference: Outcome, out: Path) -> None:
    """Print the table; write the JSON file and the picture."""
    from momo_cli.train.picture import draw  # slow to import, needed at the end only

    console.print(table(task, results))
    for remark in remarks(task, results):
        console.print(remark, style="dim", highlight=False, markup=False)
    for result in results:
        if result.explanation:
            console.print(result.explanation, style="yellow", highlight=False, markup=False)
    report, picture = out / "run.json", out / "run.png"
    report.write_text(as_json(task, results, reference))
    if any(result.comparison for result in results):
        draw(picture, task.config, results)
    else:
        picture.unlink(missing_ok=True)
    written = " and ".join(str(path) for path in (report, picture) if path.exists())
    console.print(f"Wrote {written}", highlight=False, markup=False)

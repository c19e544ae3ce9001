"""Command line of the library: run scenarios, list and show them, draw figures."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import sionna_isac
from sionna_isac.errors import UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    help="Integrated sensing and communication studies on top of Sionna.",
)
dataset_app = typer.Typer(help="Data sets of channels of extended targets.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")


@app.callback()
def _common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True)
    ] = False,
) -> None:
    if version:
        typer.echo(sionna_isac.__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


ScenarioArgument = Annotated[str, typer.Argument(help="YAML file, or name of a scenario.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. training.iterations=50."),
]
SeedOption = Annotated[int | None, typer.Option(help="Seed in place of the scenario's.")]
ProfileOption = Annotated[
    str | None, typer.Option(help="Profile of the scenario; its first one if not given.")
]
OutOption = Annotated[
    Path | None, typer.Option(help="Folder; results/NAME or results/NAME_PROFILE if not given.")
]


SchedulerOption = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler, in place of local processes.")
]


@app.command()
def run(
    scenario: ScenarioArgument,
    set_: SetOption = None,
    profile: ProfileOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    fresh: Annotated[
        bool, typer.Option(help="Discard what an earlier run left; without it a run resumes.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="No progress.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Worker processes of kinds that use them; one per core if not given."
        ),
    ] = None,
    scheduler: SchedulerOption = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="Folder of trained models to share; 'models' beside the run if not given."
        ),
    ] = None,
) -> None:
    """Run a scenario, store its result and draw its figure. The same command resumes it."""
    from sionna_isac.study.loading import load_scenario
    from sionna_isac.study.quiet import load_tensorflow
    from sionna_isac.study.registry import get_kind

    _one_place(workers, scheduler)
    config = load_scenario(scenario, set_ or (), seed, profile)
    get_kind(config.kind).check_runs()  # or another command is named
    load_tensorflow()
    from sionna_isac.study import run_scenario

    folder = out or Path("results") / config.folder_name
    run_scenario(config, folder, fresh, quiet, workers, scheduler, models)
    _draw(folder, None, quiet)


def _one_place(workers: int | None, scheduler: str | None) -> None:
    if workers is not None and scheduler is not None:
        raise typer.BadParameter("--workers is for local processes: leave it out with --scheduler")


@dataset_app.command("generate")
def generate(
    scenario: ScenarioArgument,
    set_: SetOption = None,
    profile: ProfileOption = None,
    out: OutOption = None,
    seed: SeedOption = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Local processes; one a processor if not given, 0: none."),
    ] = None,
    scheduler: SchedulerOption = None,
    fresh: Annotated[
        bool, typer.Option(help="Discard what an earlier run left; without it a run resumes.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="No progress.")] = False,
) -> None:
    """Generate a data set. The same command resumes it."""
    from sionna_isac.dataset import generate_dataset
    from sionna_isac.study.loading import load_scenario

    _one_place(workers, scheduler)
    config = load_scenario(scenario, set_ or (), seed, profile)
    folder = out or Path("results") / config.folder_name
    generate_dataset(config, folder, workers, scheduler, fresh, quiet)


DatasetArgument = Annotated[Path, typer.Argument(help="Folder of a data set, or one of its files.")]


@dataset_app.command()
def verify(path: DatasetArgument) -> None:
    """Check every sample of a data set against its checksum."""
    from sionna_isac.dataset import verify_dataset

    found = verify_dataset(path)
    counts = ", ".join(f"{split} {number}" for split, number in found.items())
    typer.echo(f"ok: {sum(found.values())} samples ({counts})")


@dataset_app.command()
def info(path: DatasetArgument) -> None:
    """Print what a data set holds."""
    from sionna_isac.dataset import describe_dataset

    found = describe_dataset(path)
    for name, text in found["about"].items():
        typer.echo(f"{name:<12} {text}")
    splits = found["splits"]
    table = Table("", *splits, box=None, header_style="bold")
    for name in next(iter(splits.values())):
        table.add_row(name, *(figures[name] for figures in splits.values()))
    _print(table)


@app.command("list")
def list_(
    kinds: Annotated[
        bool, typer.Option("--kinds", help="List the kinds of scenarios, for 'new', instead.")
    ] = False,
) -> None:
    """List the scenarios of the library."""
    from sionna_isac.study.loading import find_scenarios, list_profiles, load_scenario
    from sionna_isac.study.template import describe_kinds

    if kinds:
        table = Table("kind", "about", box=None, header_style="bold")
        for name, text in describe_kinds():
            table.add_row(name, escape(text))
        _print(table)
        return
    table = Table(box=None, header_style="bold")
    for column in ("name", "kind", "profiles", "title"):
        table.add_column(column, no_wrap=column == "name", overflow="fold")
    for name, path in find_scenarios().items():
        config = load_scenario(path)
        table.add_row(name, config.kind, ", ".join(list_profiles(path)), config.title)
    _print(table)


@app.command()
def new(
    kind: Annotated[
        str, typer.Argument(help="Kind of the scenario, one of those that 'list --kinds' shows.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File; KIND.yaml if not given.")
    ] = None,
) -> None:
    """Write a scenario file to start from: every field with its meaning, unit and choices."""
    from sionna_isac.study.registry import get_kind
    from sionna_isac.study.template import write_template

    path = write_template(kind, out or Path(f"{kind}.yaml"))
    typer.echo(f"scenario: {path}\nto run it: sionna-isac {get_kind(kind).command} {path}")


@app.command()
def show(
    scenario: ScenarioArgument,
    set_: SetOption = None,
    profile: ProfileOption = None,
    seed: SeedOption = None,
) -> None:
    """Print a scenario with all values, defaults and overrides included."""
    from sionna_isac.study.loading import load_scenario
    from sionna_isac.study.text import dump

    config = load_scenario(scenario, set_ or (), seed, profile)
    typer.echo(dump(config.model_dump(mode="json")), nl=False)


@app.command()
def plot(
    result: Annotated[Path, typer.Argument(help="Folder of a run, or its result file.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Image, .png with a .pdf beside it; figure.png beside the result."),
    ] = None,
) -> None:
    """Draw the figure of a stored result."""
    _draw(result, out, quiet=False)


def _draw(result: Path, out: Path | None, quiet: bool) -> None:
    from sionna_isac.dataset import is_dataset, summarise_dataset
    from sionna_isac.study.registry import draw_result
    from sionna_isac.study.store import StoreError, read_result

    dataset, scenario = (summarise_dataset if is_dataset(result) else read_result)(result)
    folder = result if result.is_dir() else result.parent
    target = out or folder / "figure.png"
    try:
        draw_result(dataset, scenario.kind, target)
    except (OSError, ValueError) as error:
        raise StoreError(f"out: cannot write figure '{target}': {error}") from None
    if not quiet:
        typer.echo(f"figure: {target}")


def _print(table: Table) -> None:
    """Print a table: fitted to a terminal, whole for a pipe or a file."""
    console = Console()
    if not console.is_terminal:
        console.width = 10_000
    console.print(table)


def main() -> None:
    """Entry point: errors of use are one line and exit code 2."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()  # a full disk is seen here, not when Python ends
    except typer.Exit as stop:
        code = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has closed it
        _discard_output()
        code = _BROKEN_PIPE
    except Exception as error:
        if not _is_usage(error):
            raise
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        text = " ".join(message.split())
        print(f"error: {text}", file=sys.stderr)
        if isinstance(error, OSError):
            _discard_output()
        code = 2
    if code == _INTERRUPTED:  # some versions of typer make it an exit of their own
        resumes = {"run", "generate"} & set(sys.argv[1:3])
        hint = "; the same command goes on from here" if resumes else ""
        print(f"{'terminated' if _terminated else 'interrupted'}{hint}", file=sys.stderr)
        code = _TERMINATED if _terminated else code
    sys.exit(code or 0)


def _discard_output() -> None:
    """Discard output that is left: Python would try to write it again as it ends, and fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminate(*_: object) -> None:
    """End by SIGTERM as by Ctrl-C: what is computed is kept, workers end, one line."""
    _terminated.append(True)
    raise KeyboardInterrupt


_BROKEN_PIPE, _INTERRUPTED, _TERMINATED = 1, 130, 143
_terminated: list[bool] = []
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _is_usage(error: Exception) -> bool:
    """`True` for an error that the user can mend, as opposed to a defect."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    click = any(c.__name__ == "ClickException" for c in type(error).__mro__)  # or typer's copy
    return click or isinstance(error, UsageError)


if __name__ == "__main__":
    main()

"""The `ladle` command. In: arguments. Out: 0 fine, 1 problems of the user's, 2 wrong usage, 70 our fault."""

from __future__ import annotations

import gc
import importlib
import keyword
import os
import sys
from collections.abc import Sequence

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.render import render_text
from ladle.dsl.suggest import did_you_mean, nearest
from ladle.executor import commands
from ladle.executor.answers import COMMANDS
from ladle.executor.console import REPORT, one_line, own_fault
from ladle.executor.modules import module_names
from ladle.executor.project import ProjectError
from ladle.executor.task import StepError
from ladle.executor.version import version

FAULT = 70
OPTIONAL = frozenset({
    "torch", "transformers", "trl", "datasets", "accelerate", "mergekit", "dvc", "pydantic", "rich", "safetensors",
    "numpy", "tokenizers", "jinja2", "huggingface_hub", "pyarrow",
})  # fmt: skip
"""What the extra `run` brings: a light install lacks it, and that is no fault of Ladle's."""


class LazyGroup(click.Group):
    """A group whose commands are the modules of a package; a module is imported when its command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted(name.rstrip("_") for name in module_names(commands))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command.

        Nothing of an import is garbage, so none is looked for meanwhile; nor of a check, done before it would count.
        """
        if cmd_name not in self.list_commands(ctx):
            return None
        gc.disable()
        word = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"{commands.__name__}.{word}")
        if cmd_name not in COMMANDS:
            gc.enable()
        command = module.COMMAND
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with the nearest name."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            hint = did_you_mean(nearest(args[0], self.list_commands(ctx)))
            end = f": {hint}" if hint else "."
            ctx.fail(f"no such command `{one_line(args[0])}`{end} `ladle --help` lists them.")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), prog_name="ladle")
def cli() -> None:
    """Ladle: recipes for adapting language models, checked before they run.

    Start with `ladle new my.recipe`, then `ladle check`, `ladle plan`, `ladle run` and `ladle report`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. An answer to `arguments` may be remembered; to those of the process it is not."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(given, remembered=arguments is not None))


def run(arguments: Sequence[str], remembered: bool = False) -> int:
    """Run one command and return its exit status. No exception of any kind escapes."""
    try:
        told = tuple(arguments) if remembered else ()
        status = cli.main(list(arguments), prog_name="ladle", standalone_mode=False, obj=told)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 130
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        return 130
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except RecipeError as problem:
        click.echo(render_text(problem.diagnostics, sys.stderr.isatty()), nl=False, err=True)
        return 1
    except StepError as problem:
        return complain(problem.message, problem.help)
    except ProjectError as problem:
        return complain(str(problem), problem.help)
    except ModuleNotFoundError as problem:
        name = (problem.name or "").partition(".")[0]
        if name not in OPTIONAL:
            return confess(problem)
        help = "pip install 'ladle[run]'; checking and planning work without it"
        return complain(f"this command needs `{name}`, which is not installed", help)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        return complain(describe(problem), "")
    except Exception as fault:
        return confess(fault)
    return status if isinstance(status, int) else 0


def complain(message: str, help: str) -> int:
    """Print a problem of the user's and return its exit status."""
    click.echo(f"error: {one_line(message)}", err=True)
    if help:
        click.echo(f"  help: {one_line(help)}", err=True)
    return 1


def describe(problem: OSError) -> str:
    """Return an operating system's refusal in words, with the file it is about."""
    place = f": {problem.filename}" if problem.filename else ""
    return f"{(problem.strerror or str(problem)).lower()}{place}"


def confess(fault: Exception) -> int:
    """Say that Ladle itself failed, where, and how to report it. With LADLE_DEBUG set the exception is raised."""
    if os.environ.get("LADLE_DEBUG"):
        raise fault
    place = ""
    frame = fault.__traceback__
    while frame is not None:
        place = f"{frame.tb_frame.f_globals.get('__name__', '?')}:{frame.tb_lineno}"
        frame = frame.tb_next
    click.echo(
        f"error: {own_fault(fault)} (at {place})\n  help: {REPORT}; LADLE_DEBUG=1 shows the whole traceback.",
        err=True,
    )
    return FAULT

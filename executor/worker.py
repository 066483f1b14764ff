"""A warm worker: `python -m ladle.executor.worker`. In: node files, as lines of JSON. Out: what happened, likewise.

It lives as long as the run, so that libraries are imported once. What programs print goes to the log of their step.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from ladle.dsl.graph import Json
from ladle.dsl.signature import Vocabulary
from ladle.executor.console import REPORT, own_fault
from ladle.executor.locks import Holder
from ladle.executor.profile import read_profile
from ladle.executor.programs import program
from ladle.executor.signals import StopFlag, die_with_parent, parent_is_gone
from ladle.executor.step import Surroundings, run_steps
from ladle.executor.task import Interrupted, Progress, StepError
from ladle.executor.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _Worker:
    out: IO[str]
    around: Surroundings

    def serve(self, lines: IO[str]) -> None:
        """Do what each line says until there are no more, or the process was asked to end."""
        for line in lines:
            order = json.loads(line)
            if "load" in order:
                _load(order["load"])
            else:
                self.steps([(str(file), str(log)) for file, log in order["steps"]])
            if self.around.stopping():
                return

    def steps(self, files: Sequence[tuple[str, str]]) -> None:
        """Make what node files say, each with its log; where several fail together each is made alone."""
        if len(files) > 1 and self.together(files):
            return
        for file in files:
            self.together([file], alone=True)
            if self.around.stopping():
                return

    def together(self, files: Sequence[tuple[str, str]], alone: bool = False) -> bool:
        """Make what node files say in one go and tell of each; of failures only where it is alone."""
        _redirect(Path(files[0][1]))
        names = [name for name, _ in files]
        try:
            around = replace(
                self.around,
                report=partial(self.report, names[0]),
                waiting=partial(self.wait, names[0]),
                note=partial(self.note, names[0]),
            )
            made = run_steps([around.workspace.root / name for name in names], around)
            for name, done in zip(names, made, strict=True):
                told: dict[str, Json] = {"done": done.how.value, "seconds": done.seconds / len(names)}
                self.say({"step": name, **told, "fingerprint": done.fingerprint})
        except Interrupted:
            self.say({"stopped": True})
        except StepError as error:
            if not alone:
                return False
            self.say({"step": names[0], "error": error.message, "help": error.help, "fault": False})
        except Exception as error:
            traceback.print_exc()
            if not alone:
                return False
            help = f"{REPORT}, with the log"
            self.say({"step": names[0], "error": own_fault(error), "help": help, "fault": True})
        return True

    def report(self, step: str, progress: Progress) -> None:
        """Tell how far a step is; of several that are made together the first speaks for all."""
        detail: dict[str, Json] = dict(progress.detail)
        at: dict[str, Json] = {"at": progress.done, "of": progress.total, "unit": progress.unit, "detail": detail}
        self.say({"step": step, **at})

    def note(self, step: str, text: str) -> None:
        """Tell what deserves a look; of several steps that are made together the first speaks for all."""
        self.say({"step": step, "note": text})

    def wait(self, step: str, holder: Holder) -> None:
        """Tell whom a step waits for. Raises Interrupted when the process was asked to end."""
        if self.around.stopping():
            raise Interrupted
        self.say({"step": step, "waiting": str(holder)})

    def say(self, message: dict[str, Json]) -> None:
        say(self.out, message)


def say(out: IO[str], message: dict[str, Json]) -> None:
    """Write one message. A run that is gone hears nothing more; the step goes on to its next checkpoint, and ends."""
    try:
        out.write(json.dumps(message) + "\n")
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        parent_is_gone()


def _load(modules: list[str]) -> None:
    """Import the programs of steps to come while there is nothing else to do; a failure will be said by the step."""
    for module in modules:
        try:
            program(module)
        except Exception:
            traceback.print_exc()


def _redirect(log: Path) -> None:
    """Send what this process and its libraries print to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def main(arguments: list[str]) -> None:
    """Serve a run: arguments are its process id, the project's root, and where the vocabulary is made."""
    die_with_parent(int(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = StopFlag()
    stop.install()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    workspace = Workspace(Path(arguments[1]))
    _redirect(workspace.log("worker"))

    profile = read_profile(workspace.root)
    words = made(arguments[2])
    around = Surroundings(workspace, words, profile, _unheard, _unheard, stop)
    _Worker(out, around).serve(sys.stdin)


def _unheard(_: object) -> None:
    """Is put in place of what each order brings."""


def made(place: str) -> Vocabulary:
    """Return the vocabulary that `module:function` makes."""
    module, _, function = place.partition(":")
    make: Callable[[], Vocabulary] = getattr(importlib.import_module(module), function)
    return make()


if __name__ == "__main__":
    main(sys.argv[1:])

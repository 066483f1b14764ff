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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ladle.dsl.graph import Json
from ladle.dsl.signature import Vocabulary
from ladle.executor.locks import Holder
from ladle.executor.profile import read_profile
from ladle.executor.signals import StopFlag, die_with_parent, parent_is_gone
from ladle.executor.step import Surroundings, run_step
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
                self.step(order["step"], order["log"])
            if self.around.stopping():
                return

    def step(self, node_file: str, log: str) -> None:
        _redirect(Path(log))
        try:
            done = run_step(self.around.workspace.root / node_file, self.around)
            self.say({"done": done.how.value, "seconds": done.seconds, "fingerprint": done.fingerprint})
        except Interrupted:
            self.say({"stopped": True})
        except StepError as error:
            self.say({"error": error.message, "help": error.help, "fault": False})
        except Exception as error:
            traceback.print_exc()
            self.say({"error": f"{type(error).__name__}: {error}", "help": "", "fault": True})

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
            importlib.import_module(module)
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

    def report(progress: Progress) -> None:
        detail: dict[str, Json] = dict(progress.detail)
        say(out, {"at": progress.done, "of": progress.total, "unit": progress.unit, "detail": detail})

    def waiting(holder: Holder) -> None:
        if stop():
            raise Interrupted
        say(out, {"waiting": str(holder)})

    profile = read_profile(workspace.root)
    words = made(arguments[2])
    _Worker(out, Surroundings(workspace, words, profile, report, waiting, stop)).serve(sys.stdin)


def made(place: str) -> Vocabulary:
    """Return the vocabulary that `module:function` makes."""
    module, _, function = place.partition(":")
    make: Callable[[], Vocabulary] = getattr(importlib.import_module(module), function)
    return make()


if __name__ == "__main__":
    main(sys.argv[1:])

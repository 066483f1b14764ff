"""Worker processes of one run. In: orders. Out: their messages, and the deaths of those that were killed."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ladle.dsl.graph import Json
from ladle.executor.backends.schedule import Job
from ladle.executor.locks import SPEAKS_FOR, signature

PATIENCE_SECONDS = 120.0
"""How long workers that were asked to end may take to save their checkpoints."""


@dataclass(slots=True, eq=False)
class Worker:
    """One process, and what it does now."""

    process: subprocess.Popen[bytes]
    jobs: dict[str, Job] = field(default_factory=dict)
    """What it makes now, by node file: one step, or several that read the same."""
    loaded: str = ""
    """Fingerprint of the model it scored last."""
    imported: bool = False
    """Whether it was told to import the programs of steps to come."""
    rest: bytes = b""
    """The beginning of a message that has not arrived whole."""


Message = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Death:
    """A worker ended without being told to: by which signal, or with which status."""

    status: int

    def __str__(self) -> str:
        if self.status < 0:
            return f"killed by signal {-self.status} ({signal.Signals(-self.status).name})"
        return f"ended with status {self.status}"


@dataclass(slots=True)
class Pool:
    """Starts and ends workers. Use as a context: leaving it leaves no process behind."""

    root: Path
    vocabulary: str
    environment: Mapping[str, str]
    log: Path
    """Where a worker writes before it has a step."""
    workers: list[Worker] = field(default_factory=list)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what is left: an idle worker has nothing to save, and what a busy one does is safe to kill."""
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()
            for pipe in (worker.process.stdin, worker.process.stdout):
                if pipe:
                    pipe.close()
        self.selector.close()

    def start(self) -> Worker:
        """Start one worker. It has a session of its own: Ctrl-C reaches the run, which asks it to save and stop."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = self._spawn(log)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        worker = Worker(process)
        self.selector.register(process.stdout, selectors.EVENT_READ, worker)
        self.workers.append(worker)
        return worker

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "ladle.executor.worker", str(os.getpid()), str(self.root), self.vocabulary],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **self.environment, SPEAKS_FOR: json.dumps(signature())},
            start_new_session=True,
            cwd=self.root,
        )

    def order(self, worker: Worker, message: Message) -> None:
        """Tell a worker what to do. One that has just died hears nothing; its death is heard from `listen`."""
        assert worker.process.stdin is not None
        try:
            worker.process.stdin.write(json.dumps(message).encode() + b"\n")
            worker.process.stdin.flush()
        except BrokenPipeError:
            pass

    def listen(self, seconds: float) -> Iterator[tuple[Worker, Message | Death]]:
        """Yield what workers say within some seconds, and who died; a dead worker is no longer in `workers`."""
        for key, _ in self.selector.select(seconds):
            worker: Worker = key.data
            try:
                read = os.read(key.fd, 1 << 16)
            except BlockingIOError:
                continue
            if read:
                *lines, worker.rest = (worker.rest + read).split(b"\n")
                yield from ((worker, json.loads(line)) for line in lines)
            else:
                yield worker, self._bury(worker)

    def _bury(self, worker: Worker) -> Death:
        assert worker.process.stdout is not None
        assert worker.process.stdin is not None
        self.selector.unregister(worker.process.stdout)
        worker.process.stdout.close()
        worker.process.stdin.close()
        self.workers.remove(worker)
        try:
            return Death(worker.process.wait(PATIENCE_SECONDS))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            return Death(worker.process.wait())

    def stop(self) -> None:
        """Ask every worker to save its checkpoint and end, and wait until it has; the last resort is to kill it."""
        for worker in self.workers:
            worker.process.send_signal(signal.SIGTERM)
            if not worker.jobs and worker.process.stdin:
                worker.process.stdin.close()
        self._await_end(PATIENCE_SECONDS)

    def _await_end(self, seconds: float) -> None:
        """Wait for all workers to end, reading on, so that none is held up by a full pipe."""
        end = time.monotonic() + seconds
        while any(worker.process.poll() is None for worker in self.workers) and time.monotonic() < end:
            for key, _ in self.selector.select(0.05):
                try:
                    if not os.read(key.fd, 1 << 16):
                        self.selector.unregister(key.fileobj)
                except BlockingIOError:
                    pass
            if not self.selector.get_map():
                time.sleep(0.02)

"""`python -m ladle.executor.dvc_commit`. In: a pipeline file, and stage names on stdin. Out: their results in dvc.lock.

What `dvc commit --force` does for each stage, with the lock file written once: DVC's own command writes it once for
each stage it is given, a third of a second each time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml, modify_yaml


def commit(pipeline: str, names: frozenset[str]) -> None:
    """Record the named stages of a pipeline file as they lie on disk, and forget what is none. Raises DvcException."""
    repo = Repo(_wait_for_lock=True)
    with repo.lock:
        every = list(repo.stage.collect(pipeline))
        stages = [stage for stage in every if stage.name in names]
        for stage in stages:
            stage.save()
            stage.commit()
        if stages:
            stages[0].dvcfile.dump_stages(stages, update_pipeline=False)
        forget(Path(pipeline).with_suffix(".lock"), {stage.name for stage in every})


def forget(lock: Path, known: set[str]) -> None:
    """Remove the stages from a lock file that its pipeline no longer has."""
    if lock.exists() and set(load_yaml(lock).get("stages", {})) - known:
        with modify_yaml(lock) as data:
            for name in set(data["stages"]) - known:
                del data["stages"][name]


def main() -> int:
    """Record; return an exit status, having said on stderr what DVC refused."""
    try:
        commit(sys.argv[1], frozenset(sys.stdin.read().split()))
    except DvcException as error:
        print(str(error).splitlines()[0] if str(error) else type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

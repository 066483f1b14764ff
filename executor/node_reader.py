"""Node files as read. In: a file that a stranger may have written. Out: a checked `NodeFile`, or what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath

from ladle.dsl.graph import Json
from ladle.dsl.signature import Operator, Vocabulary
from ladle.executor.node_inputs import places, wrong_inputs
from ladle.executor.nodefile import SCHEMA, Computation, Inline, Made, NodeFile
from ladle.executor.places import model_files
from ladle.executor.quoting import short
from ladle.executor.regular import read_regular
from ladle.executor.task import StepError
from ladle.executor.unmade import HELP as UNMADE
from ladle.executor.unmade import unmade
from ladle.executor.workspace import Workspace

_BYTES_MAX = 4 << 20
_DEPTH_MAX = 60
_ENGINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\Z")
_ROLE = re.compile(r"[A-Za-z0-9_:/-]{1,400}\Z")
_CALLED = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)?\Z")
_KEYS = {"operator", "version", "options", "engines", "inputs"}


def read_node_file(path: Path, vocabulary: Vocabulary, workspace: Workspace) -> NodeFile:
    """Read a node file as something a stranger wrote. Raises StepError that says what is wrong with it."""
    reader = _Reader(vocabulary, workspace, path.name)
    try:
        raw = reader.load(path)
        return reader.node(raw)
    except RecursionError:
        raise reader.wrong("it is nested too deep") from None


def _shown(value: Json) -> str:
    """Quote what a stranger wrote: no line ends, and no more of it than a line takes."""
    return short(repr(value))


def _problems(options: Mapping[str, Json], operator: Operator) -> tuple[str, ...]:
    """Reading options takes pydantic, which no command but a step loads."""
    check: Callable[[Mapping[str, Json], Operator], tuple[str, ...]]
    check = import_module("ladle.executor.option_model").problems
    return check(options, operator)


@dataclass(frozen=True, slots=True)
class _Reader:
    vocabulary: Vocabulary
    workspace: Workspace
    file: str

    def wrong(self, what: str) -> StepError:
        return StepError(f"node file `{self.file}`: {what}", "write it again with `ladle compile`")

    def load(self, path: Path) -> Json:
        try:
            found: Json = json.loads(
                read_regular(path, _BYTES_MAX), object_pairs_hook=self.pairs, parse_constant=self.constant
            )
        except OSError as error:
            raise self.wrong(f"it cannot be read: {(error.strerror or str(error)).lower()}") from None
        except ValueError as error:
            raise self.wrong(f"it is not JSON ({str(error)[:100]})") from None
        self.speakable(found)
        return found

    def speakable(self, found: Json) -> None:
        """Refuse what JSON can write and nothing can hash: half a surrogate pair, a number beyond all bounds."""
        try:
            json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            raise self.wrong("it holds half of a surrogate pair, which is no text") from None
        except ValueError:
            raise self.wrong("it holds a number that is not finite") from None

    def pairs(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise self.wrong("a key stands twice in one object")
        return found

    def constant(self, text: str) -> float:
        raise self.wrong(f"{text} is not a number of JSON")

    def node(self, raw: Json) -> NodeFile:
        top = self.keys(raw, "the file", {"schema", "node"})
        if top["schema"] != SCHEMA or isinstance(top["schema"], bool):
            raise self.wrong(f"its schema is {_shown(top['schema'])}; this version of Ladle reads {SCHEMA}")
        body = self.keys(top["node"], "`node`", {*_KEYS, "output", "name"}, {"files"})
        computation = self.computation(body, "`node`", 0)
        if not self.vocabulary[computation.operator].produces:
            raise self.wrong(f"`{computation.operator}` is data: no step makes it")
        output, name = self.text(body["output"], "`output`"), self.text(body["name"], "`name`")
        self.workspace.artifact(output)
        if output in places(computation.inputs):
            raise self.wrong(f"its output {_shown(output)} is an input of its own")
        if not _CALLED.match(name):
            raise self.wrong(f"{_shown(name)} is not a name: letters, digits, `-` and `_`")
        return NodeFile(computation, output, name)

    def computation(self, body: dict[str, Json], where: str, depth: int) -> Computation:
        operator = self.text(body["operator"], f"the operator of {where}")
        known = self.vocabulary.get(operator)
        if known is None:
            raise self.wrong(f"the catalogue has no operator {_shown(operator)}")
        if body["version"] != known.version or isinstance(body["version"], bool):
            raise self.wrong(
                f"`{operator}` has version {_shown(body['version'])} here, {known.version} in this version of Ladle"
            )
        options = self.mapping(body["options"], f"the options of {where}")
        roles = [str(item.get("role")) for item in self.array(body["inputs"], "inputs") if isinstance(item, dict)]
        if word := unmade(known, options, roles):
            raise StepError(f"`{word}` is checked but not yet made by this version", UNMADE)
        for problem in _problems(options, known):
            raise self.wrong(f"options of `{operator}`: {problem[:200]}")
        engines = self.engines(body["engines"], known.engines, operator)
        inputs = tuple(self.input(item, depth + 1) for item in self.array(body["inputs"], f"the inputs of {where}"))
        if wrong := wrong_inputs(known, options, inputs):
            raise self.wrong(wrong)
        return Computation(operator, known.version, options, engines, inputs, self.files(body.get("files", [])))

    def engines(self, raw: Json, wanted: tuple[str, ...], operator: str) -> dict[str, str]:
        found = self.mapping(raw, "engines")
        versions = {key: self.text(value, f"the version of `{short(key)}`") for key, value in found.items()}
        if set(versions) != set(wanted):
            raise self.wrong(f"`{operator}` depends on the engines {', '.join(sorted(wanted)) or 'none'}, not on these")
        if not all(_ENGINE.match(version) for version in versions.values()):
            raise self.wrong("an engine's version has characters that versions do not have")
        return versions

    def input(self, raw: Json, depth: int) -> Made | Inline:
        if depth > _DEPTH_MAX:
            raise self.wrong("it is nested too deep")
        if isinstance(raw, dict) and "inline" in raw:
            return self.inline(self.keys(raw, "an input", {"role", "inline"}), depth)
        body = self.keys(raw, "an input", {"role", "path"})
        path = self.text(body["path"], "the path of an input")
        self.workspace.artifact(path)
        return Made(self.role(body["role"]), path)

    def inline(self, raw: dict[str, Json], depth: int) -> Inline:
        body = self.keys(raw["inline"], "`inline`", _KEYS, {"files", "path"})
        computation = self.computation(body, "`inline`", depth)
        if self.vocabulary[computation.operator].whole:
            raise self.wrong(f"`{computation.operator}` is a step of its own, and stands within another here")
        path = self.text(body.get("path", ""), "the path of a model")
        if path:
            self.workspace.path(path)
            if not computation.files or not all(PurePosixPath(f).is_relative_to(path) for f in computation.files):
                raise self.wrong(f"the files of the model in {_shown(path)} are not all inside it")
            self.whole(path, computation.files)
        return Inline(self.role(raw["role"]), computation, path)

    def whole(self, folder: str, files: tuple[str, ...]) -> None:
        """Refuse a list that leaves out what would be read: the identity would not cover it."""
        for path in model_files(self.workspace.path(folder)):
            if f"{folder}/{path.name}" not in files:
                raise self.wrong(f"its files leave out {_shown(path.name)} of the model in {_shown(folder)}")

    def files(self, raw: Json) -> tuple[str, ...]:
        files = tuple(self.text(item, "a file's path") for item in self.array(raw, "`files`"))
        for file in files:
            self.workspace.path(file)
        if list(files) != sorted(set(files)):
            raise self.wrong("`files` is not sorted, or names a file twice")
        return files

    def role(self, raw: Json) -> str:
        role = self.text(raw, "a role")
        if not _ROLE.match(role):
            raise self.wrong(f"{_shown(role)} is not a role")
        return role

    def keys(
        self, raw: Json, where: str, wanted: set[str], may: frozenset[str] | set[str] = frozenset()
    ) -> dict[str, Json]:
        found = self.mapping(raw, where)
        if missing := sorted(wanted - set(found)):
            raise self.wrong(f"{where} lacks `{missing[0]}`")
        if extra := sorted(set(found) - wanted - may):
            raise self.wrong(f"{where} has an unknown key {_shown(extra[0])}")
        return found

    def mapping(self, raw: Json, where: str) -> dict[str, Json]:
        if not isinstance(raw, dict):
            raise self.wrong(f"{where} is not an object")
        return raw

    def array(self, raw: Json, where: str) -> list[Json]:
        if not isinstance(raw, list):
            raise self.wrong(f"{where} is not a list")
        return raw

    def text(self, raw: Json, where: str) -> str:
        if not isinstance(raw, str):
            raise self.wrong(f"{where} is not a string")
        return raw

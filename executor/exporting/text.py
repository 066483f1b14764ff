"""YAML that other tools read. In: plain values, remarks. Out: one text for the same values."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from ladle.dsl.render import plain
from ladle.executor.exporting.said import Said
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

__all__ = ["Said", "written"]


class _Representer(RoundTripRepresenter):
    """Writes `2.0e-05`: readers of YAML 1.1 take `2e-05` for text."""


def _real(representer: _Representer, value: float) -> ScalarNode:
    text = repr(value)
    mantissa, sign, exponent = text.partition("e")
    text = f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}" if sign else text
    return representer.represent_scalar("tag:yaml.org,2002:float", text)


_Representer.add_representer(float, _real)


def written(documents: Sequence[Said], remarks: Sequence[str], title: str) -> str:
    """Return one YAML file of all documents; remarks stand before them as comments."""
    writer = YAML()
    writer.Representer = _Representer
    writer.default_flow_style = False
    writer.width = 4096
    writer.indent(mapping=2, sequence=4, offset=2)
    head = "".join(f"# {plain(line)}\n" for line in (title, *remarks))
    texts = []
    for document in documents:
        stream = io.StringIO()
        writer.dump(_flowing(document), stream)
        texts.append(stream.getvalue())
    return head + "---\n".join(texts)


def _flowing(value: Said) -> Said:
    """Return the value with lists of plain values marked to be written on one line."""
    if isinstance(value, Mapping):
        return {key: _flowing(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        found = CommentedSeq([_flowing(item) for item in value])
        if not any(isinstance(item, Mapping | Sequence) and not isinstance(item, str) for item in value):
            found.fa.set_flow_style()
        return found
    return value

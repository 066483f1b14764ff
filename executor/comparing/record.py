"""What was found, for programs. In: a result. Out: the JSON of `ladle compare --format json`."""

from __future__ import annotations

from collections.abc import Mapping

from ladle.dsl.graph import Json
from ladle.executor.comparing.hints import hints
from ladle.executor.comparing.program import from_shown
from ladle.executor.comparing.result import Result
from ladle.executor.comparing.sums import View


def record(result: Result) -> dict[str, Json]:
    """Return a result as docs/commands.md says; a number that is not defined is null."""
    names = [each.name for each in result.models]
    total = result.total
    return {
        "schema": 1,
        "models": [_model(result, place) for place in range(result.compared)],
        "base": _base(result),
        "tensors": total.sums.tensors,
        "elements": total.sums.elements,
        "left_out": [{"tensor": name, "why": why} for name, why in result.left_out.items()],
        "notes": list(result.notes),
        "pairs": [_pair(result, a, b, {"a": names[a], "b": names[b]}) for a, b in result.pairs],
        "changes": [_change(result, each) for each in result.changed],
        "kinship": _kinship(result),
        "hints": [{"reason": h.reason, "models": list(h.models), "text": h.text} for h in hints(result)],
    }


def _model(result: Result, place: int) -> dict[str, Json]:
    each = result.models[place]
    return {"name": each.name, "folder": from_shown(str(each.folder)), "type": result.types[place]}


def _base(result: Result) -> Json:
    if result.base is None:
        return None
    return {**_model(result, result.base), "known": "lineage" if result.descent else "given"}


def _pair(result: Result, a: int, b: int, names: Mapping[str, Json]) -> Json:
    modules: list[Json] = [{"module": name, **_between(result, v, a, b)} for name, v in result.modules().items()]
    depths: list[Json] = [{"layers": [*band], **_between(result, v, a, b)} for band, v in result.depths().items()]
    cells: list[Json] = [
        {"module": name, "layer": layer, "angle": _rounded(v.angle(a, b))}
        for (name, layer), v in result.cells().items()
    ]
    return {
        **names,
        "total": _between(result, result.total, a, b),
        "modules": modules,
        "depths": depths,
        "cells": cells,
    }


def _between(result: Result, view: View, a: int, b: int) -> dict[str, Json]:
    found: dict[str, Json] = {
        "tensors": view.sums.tensors,
        "elements": view.sums.elements,
        "angle": _rounded(view.angle(a, b)),
        "norm_ratio": _rounded(view.relative(view.norm(b), a)),
        "distance": _rounded(view.relative(view.distance(a, b), a)),
        "differing": _rounded(view.differing(a, b)),
        "collinear": _rounded(view.collinear(a, b) / view.sums.tensors),
    }
    if result.base is not None:
        kin = (a, b) in result.kin
        found["cosine"] = _rounded(view.cosine(a, b) if kin else None)
        found["pearson"] = _rounded(view.pearson(a, b) if kin else None)
        found["sign_agreement"] = _rounded(view.agreement(a, b) if kin else None)
    return found


def _change(result: Result, model: int) -> Json:
    modules: list[Json] = [{"module": name, **_changed(result, v, model)} for name, v in result.modules().items()]
    return {"model": result.models[model].name, "total": _changed(result, result.total, model), "modules": modules}


def _changed(result: Result, view: View, model: int) -> dict[str, Json]:
    base = result.base
    assert base is not None
    length = view.distance(base, model)
    return {
        "norm": _rounded(length),
        "relative": _rounded(view.relative(length, base)),
        "changed": _rounded(view.differing(base, model)),
        "rounding": _rounded(view.rounding(base, model)),
    }


def _kinship(result: Result) -> Json:
    cosine, pearson = result.kinship(), result.kinship(pearson=True)
    return None if cosine is None else {"cosine": _rounded(cosine), "pearson": _rounded(pearson)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")

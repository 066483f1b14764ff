"""Files of a model folder that are made to cost memory are refused in words, within a stated bound."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ladle.executor.headers import INDEX, SINGLE
from ladle.executor.stranger_json import LARGEST, LARGEST_CONFIGURATION, LARGEST_HEADER, MOST_VALUES, Unread, parsed
from test_merge import folder, weights

MOST_MEGABYTES = 1000
CODE = """
import sys
from pathlib import Path
from ladle.executor.model_folder import model_type
from ladle.dsl.types import ModelType
found = model_type(Path(sys.argv[1]), "m", ())
print("read" if isinstance(found, ModelType) else found[0].message)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def header(text: bytes, data: int = 0) -> bytes:
    return len(text).to_bytes(8, "little") + text + bytes(data)


def vocabulary(count: int) -> bytes:
    words = json.dumps({f"word number {number}": number for number in range(count)}).encode()
    return b'{"model": {"vocab": ' + words + b"}}"


def bomb(one: bytes, most: int = MOST_VALUES) -> bytes:
    """As many values as are read."""
    return b"[" + one * ((most - 2) // (1 + one.count(b"[") + one.count(b"{"))) + b"0]"


CASES: dict[str, tuple[str, Callable[[], bytes], str, int]] = {
    "a larger tokenizer": ("tokenizer.json", lambda: b" " * (LARGEST + 1), f"larger than {LARGEST} bytes", 300),
    "a larger configuration": ("config.json", lambda: b" " * 10**8, f"larger than {LARGEST_CONFIGURATION}", 150),
    "a larger template": ("tokenizer_config.json", lambda: b"[]," * 10**7, "larger than", 150),
    "a larger generation": ("generation_config.json", lambda: b"9" * 10**8, "larger than", 150),
    "many lists": (
        "tokenizer.json",
        lambda: b"[" + b"[]," * 2 * 10**7 + b"0]",
        "values, and 4000000 are the most",
        300,
    ),
    "many objects": ("config.json", lambda: b"[" + b"{}," * 5 * 10**6 + b"0]", "values, and 4000000 are the most", 150),
    "as many lists as are read": ("tokenizer.json", lambda: bomb(b"[],"), "holds no JSON object", MOST_MEGABYTES),
    "as many texts as are read": ("tokenizer.json", lambda: bomb('"é💥",'.encode()), "no JSON object", MOST_MEGABYTES),
    "one text": ("tokenizer.json", lambda: '{"a": "💥'.encode() + b"a" * 66_000_000 + b'"}', "read", MOST_MEGABYTES),
    "as many tokens as are read": ("tokenizer.json", lambda: vocabulary(1_900_000), "read", MOST_MEGABYTES),
    "deep": ("config.json", lambda: b"[" * 10**6, "is nested too deep", 150),
    "a larger header": (SINGLE, lambda: header(b" " * 10**8), f"{LARGEST_HEADER} is the most", 150),
    "a header of many": (SINGLE, lambda: header(b"[" + b"[]," * 10**7 + b"0]"), "4000000 are the most", 300),
    "as large a header as is read": (SINGLE, lambda: header(bomb(b'{"":0},')), "no JSON object", MOST_MEGABYTES),
    "a larger index": (INDEX, lambda: b" " * 10**8, f"larger than {LARGEST_HEADER}", 150),
}


@needs_proc
@pytest.mark.parametrize("name", CASES)
def test_what_is_made_to_cost_memory_stays_under_a_bound_and_is_refused_in_words(name: str, tmp_path: Path) -> None:
    file, content, said, most = CASES[name]
    place = folder(tmp_path / "m", weights(1))
    (place / file).write_bytes(content())
    if file == INDEX:
        (place / SINGLE).unlink()
    made = subprocess.run([sys.executable, "-c", CODE, str(place)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-500:]
    message, kilobytes = made.stdout.splitlines()
    assert said in message
    assert int(kilobytes) / 1000 < most


def test_the_largest_files_that_are_known_are_far_within_the_bounds() -> None:
    """A vocabulary of 262,144 tokens and 515,000 merges in pairs, and a header of a thousand layers."""
    words = {f"▁word{number}": number for number in range(262_144)}
    merges = [[f"▁wo{number}", "rd"] for number in range(515_000)]
    text = json.dumps({"model": {"vocab": words, "merges": merges}}, ensure_ascii=False, indent=1).encode()
    assert len(text) < LARGEST * 0.9
    assert isinstance(parsed(text), dict)
    entry = {"dtype": "BF16", "shape": [16384, 16384], "data_offsets": [10**12, 10**12 + 2**29]}
    tensors = {f"model.layers.{layer}.mlp.{name}_proj.weight": entry for layer in range(1000) for name in "abcdefghi"}
    assert len(json.dumps(tensors)) < LARGEST_HEADER / 16


def test_commas_within_texts_are_counted_but_only_many_of_them_refuse() -> None:
    assert parsed(b'{"a": "' + b"," * 1000 + b'"}') == {"a": "," * 1000}
    with pytest.raises(Unread, match="values"):
        parsed(b'{"a": "' + b"," * (MOST_VALUES + 1) + b'"}')

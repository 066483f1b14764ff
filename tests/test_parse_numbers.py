import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladle.dsl.numbers import UNITS, NumberFault, read_number
from ladle.dsl.types import Dimension


@pytest.mark.parametrize(
    ("written", "value", "dimension"),
    [
        ("0", 0, Dimension.PLAIN),
        ("4096", 4096, Dimension.PLAIN),
        ("0.5", 0.5, Dimension.PLAIN),
        ("2e-5", 2e-5, Dimension.PLAIN),
        ("1e3", 1000.0, Dimension.PLAIN),
        ("4Ki", 4096, Dimension.PLAIN),
        ("8Mi", 8 * 1024**2, Dimension.PLAIN),
        ("1k", 1000, Dimension.PLAIN),
        ("30M", 30_000_000, Dimension.PLAIN),
        ("8B", 8_000_000_000, Dimension.PLAIN),
        ("1.5k", 1500.0, Dimension.PLAIN),
        ("60%", 0.6, Dimension.PERCENT),
        ("0.1%", 0.001, Dimension.PERCENT),
        ("100%", 1.0, Dimension.PERCENT),
        ("1.5pp", 0.015, Dimension.POINTS),
        ("24GiB", 24 * 1024**3, Dimension.BYTES),
        ("2GB", 2_000_000_000, Dimension.BYTES),
        ("2h", 7200, Dimension.DURATION),
        ("1.5m", 90.0, Dimension.DURATION),
    ],
)
def test_a_literal_means(written: str, value: float, dimension: Dimension) -> None:
    found = read_number(written)
    assert found == (value, dimension)
    assert type(found[0]) is type(value)


def test_a_count_beyond_floats_stays_exact() -> None:
    assert read_number("9007199254740993") == (9007199254740993, Dimension.PLAIN)


@pytest.mark.parametrize(
    ("written", "help"),
    [
        ("8kb", "`8kB` (1000 bytes)"),
        ("8KB", "`8kB`"),
        ("5b", "`5B`"),
        ("3G", "`3GB`"),
        ("2Gib", "`2GiB`"),
        ("4ki", "`4Ki` (times 1024)"),
        ("2sec", "`s m h d`"),
        ("3µ", "units are"),
        ("1e5x", "units are"),
        ("9" * 80, "at most 64"),
    ],
)
def test_a_bad_literal_says_what_to_write(written: str, help: str) -> None:
    found = read_number(written)
    assert isinstance(found, NumberFault)
    assert help in found.help


@given(st.floats(min_value=0, allow_infinity=False))
def test_floats_come_back(number: float) -> None:
    assert read_number(repr(number).replace("e+", "e")) == (number, Dimension.PLAIN)


@given(st.from_regex(r"[0-9][0-9a-zA-Z.%_]{0,12}", fullmatch=True) | st.text())
def test_any_text_is_judged(written: str) -> None:
    match read_number(written):
        case NumberFault(message, help):
            assert message
            assert help
        case value, _:
            assert value >= 0


@given(st.integers(0, 10**9), st.sampled_from(sorted(UNITS)))
def test_units_multiply(count: int, suffix: str) -> None:
    unit = UNITS[suffix]
    found = read_number(f"{count}{suffix}")
    assert found == (count * unit.factor if not unit.exponent else float(f"{count}e{unit.exponent}"), unit.dimension)

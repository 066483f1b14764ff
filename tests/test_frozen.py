"""Frozen data behaves like the standard library's frozen dataclasses with slots."""

from __future__ import annotations

import copy
import pickle
from functools import cached_property

import pytest
from ladle.dsl.frozen import frozen, replace


@frozen
class Point:
    """A point."""

    x: int
    y: int = 2

    @property
    def total(self) -> int:
        return self.x + self.y


@frozen
class Other:
    x: int
    y: int = 2


@frozen
class Empty:
    pass


@frozen
class Single:
    items: tuple[int, ...]


def test_constructor_takes_fields_in_order_or_by_name() -> None:
    assert (Point(1).x, Point(1).y, Point(y=5, x=4).total) == (1, 2, 9)
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, z=3)  # type: ignore[call-arg]


def test_equality_and_hash_are_by_value_and_type() -> None:
    assert Point(1) == Point(1, 2)
    assert hash(Point(1)) == hash(Point(1, 2))
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert Point(1) != (1, 2)
    assert Single((1,)) == Single((1,))
    assert Single((1,)) != Single((2,))
    assert Empty() == Empty()
    assert len({Point(1), Point(1), Other(1), Empty(), Empty()}) == 3


def test_nothing_can_be_set() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="frozen"):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del point.x
    with pytest.raises(AttributeError):
        point.z = 3  # type: ignore[attr-defined]
    assert not hasattr(point, "__dict__")


def test_replace_changes_some_fields() -> None:
    assert replace(Point(1), y=7) == Point(1, 7)
    with pytest.raises(TypeError):
        replace(Point(1), z=7)


def test_it_matches_prints_copies_and_pickles() -> None:
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)
    assert repr(Point(1)) == "Point(x=1, y=2)"
    assert repr(Empty()) == "Empty()"
    assert copy.copy(Point(1)) == Point(1)
    assert pickle.loads(pickle.dumps(Point(1, 9))) == Point(1, 9)
    assert Point.__doc__ == "A point."


@frozen
class Found:
    x: int

    @cached_property
    def parts(self) -> list[int]:
        return [self.x]


def test_what_a_property_found_is_kept() -> None:
    found = Found(3)
    assert found.parts is found.parts
    assert found == Found(3)
    with pytest.raises(AttributeError, match="frozen"):
        found.y = 1  # type: ignore[attr-defined]

"""Tests that groups contain every item once and in order, and that no item waits for a later one."""

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.data.arrival import groups_as_they_arrive, groups_of


@pytest.mark.parametrize("groups", [groups_of, groups_as_they_arrive])
@given(count=st.integers(0, 30), size=st.integers(1, 8))
def test_every_item_is_in_one_group_in_order(groups: Callable, count: int, size: int) -> None:
    found = list(groups(iter(range(count)), size))
    assert [item for group in found for item in group] == list(range(count))
    assert all(1 <= len(group) <= size for group in found)


def test_groups_are_full_where_every_item_is_there() -> None:
    assert list(groups_of(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_an_item_does_not_wait_for_the_next_one() -> None:
    asked_for_more = threading.Event()

    def typed() -> Iterator[str]:
        yield "first"
        assert asked_for_more.wait(60), "the first item was kept back until the second arrived"
        yield "second"

    groups = groups_as_they_arrive(typed(), 10)
    assert next(groups) == ["first"]
    asked_for_more.set()
    assert list(groups) == [["second"]]


def test_items_that_have_arrived_form_one_group_and_no_more_than_fit_are_read() -> None:
    read: list[int] = []
    first_is_out, ten_more_are_there = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        for k in range(100):
            if k == 1:
                assert first_is_out.wait(60)
            if k == 11:
                ten_more_are_there.set()
            read.append(k)
            yield k

    groups = groups_as_they_arrive(items(), 10)
    assert next(groups) == [0]
    first_is_out.set()
    assert ten_more_are_there.wait(60)
    assert len(read) <= 12  # ten in the queue, and one that does not fit
    assert next(groups) == list(range(1, 11))
    assert [item for group in groups for item in group] == list(range(11, 100))


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("line 3")

    found: list[int] = []
    with pytest.raises(ValueError, match="line 3"):
        found.extend(item for group in groups_as_they_arrive(broken(), 10) for item in group)
    assert found == [1, 2]


@pytest.mark.parametrize("groups", [groups_of, groups_as_they_arrive])
def test_an_error_comes_after_all_items_before_it(groups: Callable) -> None:
    def broken() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the sixth")

    found: list[int] = []
    with pytest.raises(ValueError, match="the sixth"):
        found.extend(itertools.chain.from_iterable(groups(broken(), 3)))
    assert found == [0, 1, 2, 3, 4]

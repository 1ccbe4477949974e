from datetime import date

from songda.base.ids import derive, new

DAY = date(2026, 11, 24)


def test_the_same_key_has_the_same_id_and_another_secret_another() -> None:
    assert derive("ltr", DAY, b"a", "x") == derive("ltr", DAY, b"a", "x") != derive("ltr", DAY, b"b", "x")


def test_parts_do_not_run_into_each_other() -> None:
    assert derive("ltr", DAY, b"a", "ab", "c") != derive("ltr", DAY, b"a", "a", "bc")


def test_ids_of_a_later_day_sort_later_and_are_thirty_characters() -> None:
    first, second = derive("ltr", DAY, b"a", "x"), derive("ltr", date(2026, 11, 25), b"a", "x")
    assert first < second
    assert len(first) == 30


def test_fresh_ids_differ() -> None:
    assert len({new("ltr") for _ in range(1000)}) == 1000

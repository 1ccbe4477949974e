from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.letters import (
    FileRow,
    Manifest,
    NotAnInserterFile,
    Outcome,
    PieceRow,
    expected_pieces,
    inserter_csv,
    load_products,
    output_csv,
    read_inserter,
    read_output,
)

PRODUCTS = load_products()
DAY = date(2026, 11, 25)


def manifest(*sheets: int) -> Manifest:
    rows = tuple(
        PieceRow(seq, f"pce_{seq}", f"{seq}", f"{seq:013}", n, n, 0, "run-000007-001.pdf", seq, "0" * 64, "1" * 64)
        for seq, n in enumerate(sheets, 1)
    )
    files = (FileRow("run-000007-001.pdf", sum(sheets), len(sheets), "2" * 64),)
    return Manifest("run_1", 7, DAY.isoformat(), True, False, files, rows)


def test_the_inserter_gets_what_it_will_find_and_nothing_about_persons() -> None:
    pieces = expected_pieces(manifest(1, 2, 7), PRODUCTS)
    text = inserter_csv(pieces)
    assert text.splitlines()[0] == "job,piece,sheets,envelope,min_g,max_g,file,first_page,pages"
    assert [each.envelope for each in pieces] == ["zl", "zl", "c5"]
    assert read_inserter(text) == {each.piece: each for each in pieces}


@given(st.integers(1, 11), st.floats(10, 200))
def test_a_sheet_too_few_or_too_many_never_passes_the_scale(sheets: int, sheet_g: float) -> None:
    """However heavy the paper: what passes for n sheets passes for no other number in the same envelope."""
    products = replace(PRODUCTS, sheet_g=sheet_g, envelopes=PRODUCTS.envelopes[-1:])
    one, two = expected_pieces(manifest(sheets, sheets + 1), products)
    assert one.max_g < two.min_g
    assert one.weight_fits(products.envelopes[0].empty_g + sheets * sheet_g)


results = st.sampled_from(["good", "spoiled", "diverted", "missing"])


@given(st.lists(st.tuples(st.integers(1, 10**6 - 1), st.integers(1, 10**7 - 1), results), max_size=30))
def test_what_an_inserter_writes_is_read_back(rows: list[tuple[int, int, str]]) -> None:
    outcomes = [
        Outcome(line, job, piece, result, 2 if result == "good" else None, 17.9 if result == "good" else None, "")  # type: ignore[arg-type]
        for line, (job, piece, result) in enumerate(rows, 2)
    ]
    assert read_output(output_csv(outcomes).encode()) == (outcomes, [])


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    head = b"job,piece,result,sheets,weight_g,reason\r\n"
    for text in (data, head + data):
        with suppress(NotAnInserterFile):
            read_output(text)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("1a,2,good,1,13,", "job"),
        ("1,,good,1,13,", "piece"),
        ("1,2,完好,1,13,", "result"),
        ("1,2,good,one,13,", "sheets"),
        ("1,2,good,1,13克,", "weight_g"),
        ("1,2,good,1,,", "weight_g"),
        ("1,2,good,,13,", "sheets"),
        ("1,2,spoiled,,,卡纸", "reason"),
    ],
)
def test_a_line_that_says_nothing_usable_is_refused_by_its_column(line: str, column: str) -> None:
    read, refused = read_output(f"job,piece,result,sheets,weight_g,reason\n{line}\n1,3,missing,,,\n".encode("gb18030"))
    assert [each.piece for each in read] == [3]
    assert [(each.line, each.column) for each in refused] == [(2, column)]


def test_a_file_without_the_columns_is_refused_as_a_whole() -> None:
    with pytest.raises(NotAnInserterFile, match="weight_g"):
        read_output(b"job,piece,result\n1,2,good\n")

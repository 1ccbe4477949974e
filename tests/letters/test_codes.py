import io

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from songda.letters import BadSheetCode, SheetCode, parse_sheet_code
from songda.letters.codes import Matrix, code128, data_matrix, png, qr, sheet_code


def read(matrix: Matrix, *, scale: int = 3, quiet: int = 4) -> list[tuple[str, str]]:
    image = Image.open(io.BytesIO(png(matrix, scale=scale, quiet=quiet))).convert("L")
    return [(str(code.format).replace(" ", ""), code.text) for code in zxingcpp.read_barcodes(image)]


@pytest.mark.parametrize("text", ["https://check.qingshi.example/l/000001-bm90IGEgcmVhbCB0b2tlbg", "1", "函"])
def test_a_qr_code_reads_back(text: str) -> None:
    ((format_, found),) = read(qr(text))
    assert (format_, found) == ("QRCode", text)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**13 - 1), st.booleans())
def test_a_waybill_reads_back(number: int, ems: bool) -> None:
    text = f"EA{number % 10**9:09}CN" if ems else f"{number:013}"
    bars = code128(text)
    assert bars.height == 1
    ((format_, found),) = read(Matrix(bars.rows * 30), quiet=10)
    assert (format_, found) == ("Code128", text)


sheets = st.integers(1, 99).flatmap(lambda total: st.tuples(st.integers(1, total), st.just(total)))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 10**6 - 1), st.integers(1, 10**7 - 1), sheets, st.integers(0, 15))
def test_a_sheet_code_reads_back(job: int, piece: int, sheet: tuple[int, int], inserts: int) -> None:
    text = sheet_code(job=job, piece=piece, sheet=sheet[0], sheets=sheet[1], inserts=inserts)
    matrix = data_matrix(text)
    assert matrix.width == matrix.height
    ((format_, found),) = read(matrix)
    assert (format_, found) == ("DataMatrix", text)
    assert parse_sheet_code(found) == SheetCode(job, piece, *sheet, inserts)


def test_a_sheet_code_fits_the_inserter_and_names_numbers_only() -> None:
    text = sheet_code(job=1, piece=42, sheet=1, sheets=2)
    assert text == "S1|000001|0000042|01/02|0|83A2"
    assert len(text) <= 30


@given(st.integers(0, 25), st.sampled_from("0123456789ABCDEF|/S"))
def test_a_misread_character_is_noticed(place: int, character: str) -> None:
    text = sheet_code(job=123456, piece=7654321, sheet=3, sheets=9)
    changed = text[:place] + character + text[place + 1 :]
    if changed != text:
        with pytest.raises(BadSheetCode):
            parse_sheet_code(changed)


@pytest.mark.parametrize(
    "numbers",
    [
        {"job": 0, "piece": 1, "sheet": 1, "sheets": 1},
        {"job": 10**6, "piece": 1, "sheet": 1, "sheets": 1},
        {"job": 1, "piece": 10**7, "sheet": 1, "sheets": 1},
        {"job": 1, "piece": 1, "sheet": 2, "sheets": 1},
        {"job": 1, "piece": 1, "sheet": 1, "sheets": 100},
        {"job": 1, "piece": 1, "sheet": 1, "sheets": 1, "inserts": 16},
    ],
)
def test_a_number_without_room_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="range"):
        sheet_code(**numbers)


def test_equal_texts_give_equal_pictures() -> None:
    assert png(qr("a")) == png(qr("a")) != png(qr("b"))

import json
from dataclasses import replace

import pytest
from sample_letters import debt_line, letter

from songda.letters import Content, Renderer
from songda.letters.view import view

TEXT_PT = 158 / 25.4 * 72


def with_amounts(fen: int, product: str) -> Content:
    line = replace(
        debt_line(1),
        product_name=product,
        loan_amount_fen=fen,
        principal_fen=fen,
        interest_fen=fen,
        penalty_fen=fen,
        fees_fen=fen,
        paid_fen=fen,
        total_fen=4 * fen,
    )
    return replace(letter(), lines=(line, line), total_fen=8 * fen)


@pytest.mark.parametrize("product", ["云享贷", "WWM 贷 MWMW 2号A款", "小微企业主经营性循环贷款（三期展期后）"])
@pytest.mark.parametrize("fen", [1, 123_456, 9_999_999_99, 999_999_999_99])
def test_a_table_fits_the_page_and_leaves_room_for_the_product(
    lawyer_letters: Renderer, fen: int, product: str
) -> None:
    content = with_amounts(fen, product)
    for table in json.loads(view(content, {}))["tables"].values():
        assert sum(table["columns"]) == pytest.approx(TEXT_PT, abs=0.5)
        assert table["columns"][1] >= 8 * table["size"]
        assert 6.5 <= table["size"] <= 9
    assert lawyer_letters.render(content).pages <= 3


def test_a_short_name_is_set_on_one_line_and_a_long_one_on_more() -> None:
    short, long = (
        json.loads(view(with_amounts(12_345_678, product), {}))["tables"]["statement"]
        for product in ("云享贷", "贷" * 30)
    )
    assert short["one_line"]
    assert not long["one_line"]


def test_every_value_is_ready_to_print() -> None:
    data = json.loads(view(letter(), {}))
    assert data["total_capital"].endswith("分")
    assert data["date"] == "2026年11月25日"
    assert data["lines"][0]["principal"] == "11,370.00"
    assert data["check_host"] == "check.qingshi.example"

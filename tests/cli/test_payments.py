"""`songda payments` as a person types it."""

from __future__ import annotations

from pathlib import Path

from program import Desk
from songda.sim.case_rows import case_row, write_rows


def test_from_the_example_to_the_stopped_letter(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    desk.imports(tmp_path / "tenant.toml")
    row = case_row(1, 1)
    cases = write_rows(tmp_path / "cases.csv", row)
    desk.songda("run", str(cases), "--out", str(tmp_path / "out"), "--as-of", "2026-11-24")

    example = tmp_path / "payments.csv"
    desk.songda("template", str(example))
    refused = desk.json("payments", "import", str(example), "--by", "ops-7", rc=65)["refused"]
    assert [each["reason"] for each in refused] == ["unknown_case"] * 3

    whole = f"案件编号,还款日期,还款金额,流水号\n{row['案件编号']},2026-11-25,20000,HK1\n"
    example.write_text(whole, "utf-8")
    told = desk.json("payments", "import", str(example), "--by", "ops-7")
    assert (told["new"], told["settled"], told["letters"]) == (1, 1, {"withdrawn": 1})
    assert "已登记过" in desk.songda("payments", "import", str(example), "--by", "ops-7")
    example.write_text(whole.replace("20000", "2万"), "utf-8")
    assert "第 2 行" in desk.songda("payments", "import", str(example), "--by", "ops-7", rc=65)
    assert "songda template" in desk.songda("payments", "import", str(tmp_path / "cases.csv"), "--by", "ops-7", rc=65)

"""`songda models` as an operator meets it."""

from __future__ import annotations

from pathlib import Path

from program import Desk


def test_without_outcomes_the_rule_decides_and_what_is_missing_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "models")
    desk.imports(tmp_path / "tenant.toml")
    listed = desk.json("list")
    assert listed["models"] == []
    assert listed["data"]["address"] == {"signed": 0, "not_signed": 0}
    shown = desk.songda("list")
    assert "规则" in shown
    assert "200 名联系人" in shown
    assert "数据不足以训练模型 contacts" in desk.songda("train", "contacts", "--by", "ops-7", rc=65)
    assert "没有名为 vehicle 的模型" in desk.songda("train", "vehicle", "--by", "ops-7", rc=64)
    for command in (("card",), ("approve", "--by", "ops-2"), ("retire", "--by", "ops-2"), ("evaluate",)):
        name, *rest = command
        assert "没有 address 模型 1" in desk.songda(name, "address", "1", *rest, rc=64)

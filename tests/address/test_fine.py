"""Village, group, road, number, estate, building, unit, floor, room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

FINE = ("village", "group", "road", "road_no", "poi", "building", "unit", "floor", "room")
One = Callable[[str | None], dict[str, Any]]
_PREFIX = "江苏省苏州市姑苏区"


def stated(row: dict[str, Any]) -> dict[str, str]:
    return {name: row[name] for name in (*FINE, "landmark") if row[name]}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # Roads and their numbers.
        ("人民路12号", {"road": "人民路", "road_no": "12号"}),
        ("人民路12", {"road": "人民路", "road_no": "12"}),
        ("人民路十二号", {"road": "人民路", "road_no": "十二号"}),
        ("人民路甲8号", {"road": "人民路", "road_no": "甲8号"}),
        ("人民路乙12号", {"road": "人民路", "road_no": "乙12号"}),
        ("人民路12号甲", {"road": "人民路", "road_no": "12号甲"}),
        ("人民路12号附3号", {"road": "人民路", "road_no": "12号附3号"}),
        ("人民路12号之一", {"road": "人民路", "road_no": "12号之一"}),
        ("人民路93号院2号楼", {"road": "人民路", "road_no": "93号院", "building": "2"}),
        ("八一路12号", {"road": "八一路", "road_no": "12号"}),
        ("五一广场路3号", {"road": "五一广场路", "road_no": "3号"}),
        ("北三路12号", {"road": "北三路", "road_no": "12号"}),
        ("中山一路8号", {"road": "中山一路", "road_no": "8号"}),
        ("人民东路中段8号", {"road": "人民东路中段", "road_no": "8号"}),
        ("棠湖西路1段5号", {"road": "棠湖西路1段", "road_no": "5号"}),
        ("棠湖西路一段5号", {"road": "棠湖西路一段", "road_no": "5号"}),
        ("民族大道10号", {"road": "民族大道", "road_no": "10号"}),
        ("观前街1号", {"road": "观前街", "road_no": "1号"}),
        ("帽儿胡同3号", {"road": "帽儿胡同", "road_no": "3号"}),
        ("铁山路与新华路交叉口", {"road": "铁山路|新华路"}),
        ("和平路3号", {"road": "和平路", "road_no": "3号"}),
        ("康宁街5号", {"road": "康宁街", "road_no": "5号"}),
        ("G312国道旁", {"road": "G312"}),
        # Lanes.
        ("杨泰路1533弄80号201室", {"road": "杨泰路", "road_no": "1533弄80号", "room": "201"}),
        ("杨泰路1533弄80号201", {"road": "杨泰路", "road_no": "1533弄80号", "room": "201"}),
        ("昌里路32弄7号甲", {"road": "昌里路", "road_no": "32弄7号甲"}),
        # Estates, buildings, units, floors, rooms.
        (
            "锦绣花园3栋2单元501室",
            {"poi": "锦绣花园", "building": "3", "unit": "2", "room": "501"},
        ),
        (
            "锦绣花园三号楼二单元五〇一室",
            {"poi": "锦绣花园", "building": "三", "unit": "二", "room": "五〇一"},
        ),
        ("锦绣花园3幢501", {"poi": "锦绣花园", "building": "3", "room": "501"}),
        ("锦绣花园3#501", {"poi": "锦绣花园", "building": "3", "room": "501"}),
        ("锦绣花园3号楼东单元501", {"poi": "锦绣花园", "building": "3", "unit": "东", "room": "501"}),
        ("锦绣大厦B座2层201室", {"poi": "锦绣大厦", "building": "B", "floor": "2", "room": "201"}),
        ("锦绣大厦负一层", {"poi": "锦绣大厦", "floor": "负一"}),
        ("锦绣大厦12楼", {"poi": "锦绣大厦", "floor": "12"}),
        ("锦绣花园3号3门201", {"poi": "锦绣花园", "building": "3", "unit": "3", "room": "201"}),
        ("锦绣花园3栋2单元5楼东户", {"poi": "锦绣花园", "building": "3", "unit": "2", "floor": "5", "room": "东"}),
        ("锦绣花园二期3栋", {"poi": "锦绣花园二期", "building": "3"}),
        ("铁路二区40幢2单元212室", {"poi": "铁路二区", "building": "40", "unit": "2", "room": "212"}),
        # Chains: after an estate, after a road, after a building.
        ("锦绣花园3-501", {"poi": "锦绣花园", "building": "3", "room": "501"}),
        ("锦绣花园3-2-501", {"poi": "锦绣花园", "building": "3", "unit": "2", "room": "501"}),
        ("锦绣花园17-1-202室", {"poi": "锦绣花园", "building": "17", "unit": "1", "room": "202"}),
        ("锦绣花园17—1—202", {"poi": "锦绣花园", "building": "17", "unit": "1", "room": "202"}),
        ("锦绣花园17 - 1 - 202", {"poi": "锦绣花园", "building": "17", "unit": "1", "room": "202"}),
        ("观前街3-501", {"road": "观前街", "road_no": "3", "room": "501"}),
        ("观前街3-2-501", {"road": "观前街", "road_no": "3", "unit": "2", "room": "501"}),
        ("锦绣花园1栋54-8", {"poi": "锦绣花园", "building": "1", "floor": "54", "room": "8"}),
        ("锦绣花园1栋2-301", {"poi": "锦绣花园", "building": "1", "unit": "2", "room": "301"}),
        ("青岛路7-1-906室", {"road": "青岛路", "road_no": "7", "unit": "1", "room": "906"}),
        ("人民路12号2-5-1", {"road": "人民路", "road_no": "12号", "unit": "2", "floor": "5", "room": "1"}),
        ("人民路12号17-1-202", {"road": "人民路", "road_no": "12号", "building": "17", "unit": "1", "room": "202"}),
        ("锦绣花园21栋3-2-15", {"poi": "锦绣花园", "building": "21", "unit": "3", "floor": "2", "room": "15"}),
        ("锦绣花园4-2-1楼中", {"poi": "锦绣花园", "building": "4", "unit": "2", "floor": "1", "room": "中"}),
        # Villages and groups.
        ("老街村5组12号", {"village": "老街村", "group": "5组", "road_no": "12号"}),
        ("老街村五组", {"village": "老街村", "group": "五组"}),
        ("老街村第3村民小组", {"village": "老街村", "group": "第3村民小组"}),
        ("老街村石塘组18号", {"village": "老街村", "group": "石塘组", "road_no": "18号"}),
        ("老街村8社", {"village": "老街村", "group": "8社"}),
        ("长胜七组17号", {"village": "长胜", "group": "七组", "road_no": "17号"}),
        ("老街村委会12号", {"village": "老街村委会", "road_no": "12号"}),
        ("老街村4大队1队", {"village": "老街村|4大队", "group": "1队"}),
        # What is nearby.
        ("人民路12号工商银行对面", {"road": "人民路", "road_no": "12号", "landmark": "工商银行"}),
        ("人民路观前小学旁边", {"road": "人民路", "landmark": "观前小学"}),
        ("人民路观前小学旁", {"road": "人民路", "landmark": "观前小学"}),
        ("人民路 附近", {"road": "人民路"}),
        ("人民路加油站东", {"road": "人民路", "landmark": "加油站东"}),
        ("人民路车管所北70米", {"road": "人民路", "landmark": "车管所北70米"}),
        ("人民路12号【锦绣花园3-501】(观前小学附近)", {
            "road": "人民路", "road_no": "12号", "poi": "锦绣花园", "building": "3", "room": "501", "landmark": "观前小学"}),
        ("高新区科技路10号", {"road": "科技路", "road_no": "10号"}),
        ("新区大道10号", {"road": "新区大道", "road_no": "10号"}),
    ],
)  # fmt: skip
def test_the_parts_behind_the_county(one: One, text: str, parts: dict[str, str]) -> None:
    assert stated(one(_PREFIX + text)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "人民路１２号锦绣花园３栋１单元５０２室",
        "人民路 12号 锦绣花园 3栋 1单元 502室",
        "人民路12号，锦绣花园3栋，1单元，502室",
    ],
)
def test_width_blanks_and_commas_do_not_matter(one: One, text: str) -> None:
    plain = one(_PREFIX + "人民路12号锦绣花园3栋1单元502室")
    assert stated(one(_PREFIX + text)) == stated(plain)
    assert one(_PREFIX + text)["place_key"] == plain["place_key"]


def test_what_a_person_typed_wins_over_the_map(one: One) -> None:
    row = one(_PREFIX + "武汉南路99-95-3-360【武汉南路74-70-5-332】")
    assert (row["road_no"], row["building"], row["unit"], row["room"]) == ("74", "70", "5", "332")
    row = one("浙江省宁波市北仑区泰河路【明州路563号锦绣花园9#415室】(锦绣花园附近)")
    assert (row["road"], row["road_no"], row["poi"]) == ("明州路", "563号", "锦绣花园")


def test_a_part_of_a_number_has_no_class_word(one: One) -> None:
    assert one(_PREFIX + "人民路12号之一")["standard"].endswith("人民路12号之1")
    assert one(_PREFIX + "人民路12号附1")["standard"].endswith("人民路12号附1号")


@pytest.mark.parametrize(
    ("first", "between", "second"),
    [
        ("北京市海淀区学院路30号", "或者", "海淀区中关村大街1号"),
        ("湖南省长沙市雨花区韶山南路123号2栋1203", "；", "湖南省邵阳市隆回县桃花坪街道向阳村6组"),
        ("成都市金牛区沙湾路258号", " ", "成都市武侯区人民南路四段1号"),
        ("成都市金牛区沙湾路258号", "/", "成都市武侯区人民南路四段1号"),
        ("合肥市蜀山区长江西路669号12栋304", ", 单位地址:", "合肥市包河区马鞍山路130号"),
        ("长沙市雨花区韶山南路123号", ";户籍：", "湖南省邵阳市隆回县桃花坪街道向阳村6组"),
    ],
)
def test_the_second_of_two_addresses_is_kept_apart(one: One, first: str, between: str, second: str) -> None:
    row = one(first + between + second)
    assert row["place_key"] == one(first)["place_key"]
    assert row["also"] == second
    assert "second_address" in row["issues"]


@pytest.mark.parametrize(
    "text",
    [
        "上海市徐汇区宜山路600号 上海市第六人民医院",
        "18栋-2单元-1001 深圳市龙岗区布吉街道中海怡翠山庄",
        "浙江省杭州市西湖区文三路18号，浙江省杭州市西湖区文三路18号3楼",
    ],
)
def test_one_address_in_pieces_is_one(one: One, text: str) -> None:
    assert one(text)["also"] is None


@pytest.mark.parametrize("words", ["斜对面", "向东100米", "旁边"])
def test_a_door_beside_which_a_place_lies_is_a_landmark(one: One, words: str) -> None:
    row = one(f"杭州市西湖区文三路12号{words}")
    assert (row["road"], row["road_no"], row["landmark"]) == ("文三路", None, f"12号{words}")

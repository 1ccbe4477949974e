import numpy as np
import pytest

from songda.sim.world.config import read
from songda.sim.world.places import Parts
from songda.sim.world.texts import DRAWS, written

FLAT = Parts(
    "浙江省", "杭州市", "拱墅区", "下城区", "天水街道", "flat", road="人民路", road_no=8, estate="阳光花园",
    building=3, unit=2, floor=5, room=501,
)  # fmt: skip
SHARES = read("cn-default").texts
#: Every uniform so high that no slip happens, and the plain style.
PLAIN = np.array([[0.999] * (DRAWS - 5) + [0.0, 0.9, 0.0, 0.0, 0.0]])


def text(kind=None, place=FLAT, phone="16000000000"):
    draws = PLAIN.copy()
    kinds = list(SHARES.__dataclass_fields__)
    if kind:
        draws[0, kinds.index(kind)] = 0.0
    [line], [errors] = written([place], draws, phones=[phone], config=read("cn-default"))
    assert errors == ([kind] if kind else [])
    return line


def test_a_text_without_slips_says_everything():
    assert text() == "浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元501室"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("no_province", "杭州市拱墅区人民路8号阳光花园3号楼2单元501室"),
        ("no_district", "浙江省杭州市人民路8号阳光花园3号楼2单元501室"),
        ("old_district", "浙江省杭州市下城区人民路8号阳光花园3号楼2单元501室"),
        ("no_unit", "浙江省杭州市拱墅区人民路8号阳光花园3号楼501室"),
        ("no_room", "浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元"),
        ("typo", "浙江省杭州市拱墅区人民露8号阳光花园3号楼2单元501室"),
        ("glued_phone", "浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元501室 16000000000"),
        ("glued_remark", "浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元501室（送货前请电话）"),
        ("full_width", "浙江省杭州市拱墅区人民路８号阳光花园３号楼２单元５０１室"),
        ("wrong_room", "浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元502室"),
        ("repeated_prefix", "浙江省杭州市拱墅区浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元501室"),
        ("spaces", "浙江省杭州市拱墅区 人民路8号阳光花园3号楼2单元501室"),
    ],
)
def test_each_slip_changes_the_text_in_its_own_way(kind, expected):
    assert text(kind) == expected


def test_slips_have_their_shares_in_the_file(world):
    records = world.records
    for kind in ("no_province", "glued_phone", "glued_remark", "full_width", "repeated_prefix", "spaces"):
        share = np.mean([kind in errors for errors in records.errors])
        assert share == pytest.approx(getattr(SHARES, kind), abs=0.01), kind


def test_a_city_without_districts_still_says_where_it_is():
    place = Parts(
        "广东省", "东莞市", "", "", "虎门镇", "flat", road="人民路", road_no=8, estate="阳光花园", building=3, room=501
    )
    draws = PLAIN.copy()
    draws[0, 1] = 0.0
    [line], [errors] = written([place], draws, phones=["16000000000"], config=read("cn-default"))
    assert (line, errors) == ("广东省东莞市虎门镇人民路8号阳光花园3号楼501室", [])

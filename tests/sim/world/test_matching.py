import pytest

from songda.sim.world.matching import QUALITIES, best, compare, folded
from songda.sim.world.places import Parts

FLAT = Parts(
    "浙江省", "杭州市", "拱墅区", "下城区", "天水街道", "flat", road="人民路", road_no=8, estate="阳光花园",
    building=3, unit=2, floor=5, room=501,
)  # fmt: skip
VILLAGE = Parts("河北省", "保定市", "清苑区", "清苑县", "望亭镇", "village", village="王家庄村", building=2, room=15)
FACTORY = Parts(
    "山西省", "临汾市", "霍州市", "", "三教乡", "factory", road="泰山中路", road_no=97, company="顺达纺织有限公司"
)
OFFICE = Parts(
    "浙江省", "杭州市", "拱墅区", "", "天水街道", "office", road="人民路", road_no=8, estate="星河广场",
    company="华远贸易有限公司", floor=5, room=502,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "county", "place", "quality"),
    [
        ("浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元501室", "拱墅区", FLAT, "door"),
        ("浙江省杭州市拱墅区人民路８号阳光花园３幢２单元５０１ 16012345678", "拱墅区", FLAT, "door"),
        ("浙江省杭州市拱墅区天水街道阳光花园3-2-501", "拱墅区", FLAT, "door"),
        ("浙江省杭州市拱墅区人民路8号三号楼二单元501室", "拱墅区", FLAT, "door"),
        ("浙江省杭州市拱墅区人民露8号阳光花园3号楼2单元501室", "拱墅区", FLAT, "door"),
        ("浙江省杭州市拱墅区人民路8号阳光化园3号楼2单元501室", "拱墅区", FLAT, "door"),
        ("浙江省杭州市拱墅区人民路8号阳光花园3号楼501室", "拱墅区", FLAT, "no_unit"),
        ("浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元", "拱墅区", FLAT, "no_room"),
        ("浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元502室", "拱墅区", FLAT, "other_room"),
        ("浙江省杭州市拱墅区人民路8号阳光花园501室", "拱墅区", FLAT, "no_building"),
        ("浙江省杭州市拱墅区人民路8号阳光花园", "拱墅区", FLAT, "street"),
        ("浙江省杭州市拱墅区人民路", "拱墅区", FLAT, "street"),
        ("浙江省杭州市拱墅区天水街道", "拱墅区", FLAT, "area"),
        ("浙江省杭州市拱墅区人民路9号5号楼", "拱墅区", FLAT, "street"),
        ("河北省保定市清苑区望亭镇王家庄村2组15号", "清苑区", VILLAGE, "door"),
        ("河北省保定市清苑县望亭镇王家庄村2组", "清苑县", VILLAGE, "no_room"),
        ("山西省临汾市霍州市三教乡泰山中路97号顺达纺织有限公司", "霍州市", FACTORY, "door"),
        ("山西省临汾市霍州市三教乡红旗中路306号宏达纺织有限公司", "霍州市", FACTORY, "area"),
        ("浙江省杭州市拱墅区人民路8号华远贸易有限公司", "拱墅区", OFFICE, "door"),
    ],
)
def test_what_a_text_still_says_decides_its_quality(text, county, place, quality):
    match = compare(folded(text), county=county, place=place)
    assert match is not None
    assert match.quality == quality
    assert match.right_district


@pytest.mark.parametrize(
    ("text", "county"),
    [("浙江省宁波市海曙区人民街9号", "海曙区"), ("广东省深圳市南山区科技路1号", "南山区"), ("", "")],
)
def test_a_text_about_another_town_leads_nowhere(text, county):
    assert compare(folded(text), county=county, place=FLAT) is None


@pytest.mark.parametrize(("county", "right"), [("下城区", True), ("拱墅区", True), ("上城区", False)])
def test_a_former_district_is_right_and_another_one_is_wrong(county, right):
    match = compare(f"浙江省杭州市{county}人民路8号阳光花园3号楼2单元501室", county=county, place=FLAT)
    assert match is not None
    assert match.right_district is right


def test_the_place_that_the_text_says_most_about_is_meant():
    text = "浙江省杭州市拱墅区人民路8号阳光花园3号楼2单元501室"
    assert best(text, county="拱墅区", places=[VILLAGE, OFFICE, FLAT]) == (
        2,
        compare(text, county="拱墅区", place=FLAT),
    )
    assert best(text, county="拱墅区", places=[VILLAGE]) is None


def test_every_record_of_the_file_leads_to_the_place_that_it_means(world, truth, letter_to):
    """The error model and the courier's reading agree: slips lower the quality, they do not lead elsewhere."""
    doors = {
        place_id: Parts(*row)
        for place_id, *row in truth.places.select("place_id", *Parts.__dataclass_fields__).iter_rows()
    }
    found = []
    for row in range(0, len(world.records.text), 7):
        letter = letter_to(row)
        place = doors[f"wp{world.records.place[row]:08d}"]
        errors = set(world.records.errors[row])
        # The order's own fields always name province, city and county; the courier reads them with the line.
        match = compare(folded(letter.prov + letter.city + letter.address), county="", place=place)
        found.append(match is not None and match.quality)
        harmless = not errors & {"no_room", "wrong_room", "no_unit", "typo"}
        assert not harmless or found[-1] == "door", world.records.text[row]
    assert False not in found
    assert set(found) <= set(QUALITIES)

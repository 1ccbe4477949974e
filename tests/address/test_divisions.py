"""Province, city, county: completed upwards, brought to today's names, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

One = Callable[[str | None], dict[str, Any]]


@pytest.mark.parametrize(
    ("text", "adcode"),
    [
        ("广东省深圳市南山区科技园南路12号", "440305"),
        ("广东深圳南山科技园南路12号", "440305"),
        ("深圳市南山区科技园南路12号", "440305"),
        ("深圳南山区", "440305"),
        ("杭州市西湖区文一路12号", "330106"),
        ("福田区深南大道1号", "440304"),
        ("浙江杭州西湖区浙江省杭州市西湖区文一路12号", "330106"),
        ("北京北京朝阳区中国北京北京朝阳区望京街8号院", "110105"),
        ("上海上海宝山区上海上海宝山区杨泰路1533弄", "310113"),
        ("天津天津河西区天津天津市河西区叠彩道8号", "120103"),
        ("中国上海市徐汇区", "310104"),
        ("重庆市渝中区中山一路8号", "500103"),
        ("内蒙呼和浩特新城区中山东路5号", "150102"),
        ("广西南宁青秀区民族大道10号", "450103"),
        ("宁夏银川兴庆区解放西街3号", "640104"),
        ("西藏拉萨城关区北京中路8号", "540102"),
        ("新疆乌鲁木齐市天山区解放北路1号", "650102"),
        ("辽宁省朝阳市朝阳县", "211321"),
        ("吉林省吉林市船营区解放大路1号", "220204"),
        ("山东济南市中区建设路1号", "370103"),
        ("香港特别行政区", "810000"),
        ("台湾省", "710000"),
        ("江苏省苏州市", "320500"),
        ("河南", "410000"),
    ],
)
def test_the_county_is_found_and_its_ancestors_with_it(one: One, text: str, adcode: str) -> None:
    assert one(text)["adcode"] == adcode


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("深圳市南山区", ["province"]),
        ("福田区深南大道1号", ["province", "city"]),
        ("广东省深圳市南山区", []),
    ],
)
def test_what_the_text_did_not_state_is_named(one: One, text: str, columns: list[str]) -> None:
    assert one(text)["inferred"] == columns


@pytest.mark.parametrize(
    ("text", "adcode", "correction"),
    [
        ("浙江杭州下城区延安路295号", "330105", "district:下城区>拱墅区"),
        ("北京市崇文区磁器口大街1号", "110101", "district:崇文区>东城区"),
        ("北京市宣武区广安门内大街2号", "110102", "district:宣武区>西城区"),
        ("上海市闸北区共和新路100号", "310106", "district:闸北区>静安区"),
        ("上海市卢湾区淮海中路7号", "310101", "district:卢湾区>黄浦区"),
        ("上海市南汇区惠南镇", "310115", "district:南汇区>浦东新区"),
        ("天津市塘沽区解放路20号", "120116", "district:塘沽区>滨海新区"),
        ("重庆市万盛区万东北路8号", "500110", "district:万盛区>綦江区"),
        ("湖北省襄樊市襄城区内环路3号", "420602", "city:襄樊市>襄阳市"),
        ("云南省思茅市翠云区人民西路3号", "530802", "city:思茅市>普洱市"),
        ("安徽省巢湖市居巢区东风路9号", "340181", "district:居巢区>巢湖市"),
        ("江苏省通州市人民路18号", "320612", "district:通州市>通州区"),
        ("浙江省萧山市人民路1号", "330109", "district:萧山市>萧山区"),
        ("四川省双流县棠湖西路1号", "510116", "district:双流县>双流区"),
        ("四川省成都市郫县东大街1号", "510117", "district:郫县>郫都区"),
        ("黑龙江省伊春市南岔区联合街1号", "230726", "district:南岔区>南岔县"),
        ("安徽省铜陵市铜陵县五松镇", "340706", "district:铜陵县>义安区"),
        ("江苏省淮安市楚州区漕运东路1号", "320803", "district:楚州区>淮安区"),
        ("江苏省无锡市崇安区人民中路1号", "320213", "district:崇安区>梁溪区"),
        ("江西省南昌市湾里区招贤镇", "360112", "district:湾里区>新建区"),
        ("北京市密云县新北路1号", "110118", "district:密云县>密云区"),
    ],
)
def test_an_old_name_is_brought_to_todays_and_the_change_is_reported(
    one: One, text: str, adcode: str, correction: str
) -> None:
    row = one(text)
    assert row["adcode"] == adcode
    assert correction in [entry.rsplit(":", 1)[0] for entry in row["corrections"]]


@pytest.mark.parametrize(
    ("text", "adcode", "among"),
    [
        ("杭州市江干区凤起东路12号", "330100", "浙江省杭州市上城区"),
        ("河北省石家庄市桥东区中山东路1号", "130100", "河北省石家庄市桥西区"),
    ],
)
def test_a_divided_county_is_left_open_with_its_successors(one: One, text: str, adcode: str, among: str) -> None:
    row = one(text)
    assert (row["adcode"], row["district"]) == (adcode, None)
    assert among in row["alternatives"]
    assert "ambiguous_successor" in row["issues"]


def test_a_correction_says_when_and_why(one: One) -> None:
    assert one("浙江杭州下城区延安路295号")["corrections"] == ["district:下城区>拱墅区:merged 2021"]
    # Names that ended more than once, under several codes: the last time counts.
    assert one("山东青岛胶南市人民路3号")["corrections"] == ["district:胶南市>黄岛区:merged 2012"]
    assert one("江西省九江市九江县庐山北路3号")["corrections"] == ["district:九江县>柴桑区:renamed 2017"]


def test_another_mention_decides_between_successors(one: One) -> None:
    assert one("山东省莱芜市莱城区汶源西大街5号")["adcode"] == "370116"


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("鼓楼区中山北路12号", ["江苏省南京市鼓楼区", "江苏省徐州市鼓楼区", "福建省福州市鼓楼区"]),
        ("朝阳区望京街8号院", ["北京市朝阳区", "吉林省长春市朝阳区"]),
        ("南山区科技园南路12号", ["黑龙江省鹤岗市南山区", "广东省深圳市南山区"]),
    ],
)
def test_a_name_that_several_counties_bear_is_never_guessed(one: One, text: str, among: list[str]) -> None:
    row = one(text)
    assert (row["province"], row["city"], row["district"], row["adcode"]) == (None, None, None, None)
    assert set(among) <= set(row["alternatives"])
    assert "ambiguous_district" in row["issues"]
    assert row["confidence"] < 0.5
    assert row["place_keys"] == []


@pytest.mark.parametrize(
    ("city", "adcode"), [("南京市", "320106"), ("福州市", "350102"), ("徐州市", "320302"), ("开封市", "410204")]
)
def test_the_city_tells_which_county_is_meant(one: One, city: str, adcode: str) -> None:
    row = one(f"{city}鼓楼区中山路12号")
    assert row["adcode"] == adcode
    assert row["alternatives"] == []


@pytest.mark.parametrize(
    ("text", "province", "adcode"),
    [
        ("新疆维吾尔自治区石河子市北三路12号", "新疆维吾尔自治区", "659001"),
        ("新疆阿拉尔市", "新疆维吾尔自治区", "659002"),
        ("新疆图木舒克市前海街道锦绣街5号", "新疆维吾尔自治区", "659003"),
        ("新疆五家渠市人民路3号", "新疆维吾尔自治区", "659004"),
        ("新疆铁门关市", "新疆维吾尔自治区", "659006"),
        ("海南省乐东黎族自治县抱由镇", "海南省", "469027"),
        ("海南海口乐东黎族自治县抱由镇", "海南省", "469027"),
        ("海南省文昌市文城镇", "海南省", "469005"),
        ("湖北省仙桃市干河街道桃园路6号", "湖北省", "429004"),
        ("湖北省神农架林区松柏镇", "湖北省", "429021"),
        ("河南省济源市济水大街4号", "河南省", "419001"),
    ],
)
def test_a_county_under_the_province_has_no_city(one: One, text: str, province: str, adcode: str) -> None:
    row = one(text)
    assert (row["province"], row["city"], row["adcode"]) == (province, None, adcode)
    assert row["district"]


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("广东省东莞市南城街道鸿福路200号", "东莞市"),
        ("广东省中山市石岐街道孙文东路3号", "中山市"),
        ("海南儋州", "儋州市"),
    ],
)
def test_a_city_without_counties_has_no_district(one: One, text: str, city: str) -> None:
    row = one(text)
    assert (row["city"], row["district"]) == (city, None)


@pytest.mark.parametrize("city", ["北京市", "上海市", "天津市", "重庆市"])
def test_a_municipality_is_its_own_city(one: One, city: str) -> None:
    row = one(f"{city}人民路1号")
    assert (row["province"], row["city"]) == (city, city)
    assert row["standard"].count(city) == 1


@pytest.mark.parametrize(
    ("text", "road"),
    [
        ("江苏省苏州市姑苏区上海路12号", "上海路"),
        ("上海市黄浦区南京东路12号", "南京东路"),
        ("浙江省杭州市西湖区朝阳路1号", "朝阳路"),
        ("天津市河西区大沽南路2号", "大沽南路"),
    ],
)
def test_a_road_that_bears_the_name_of_a_city_is_a_road(one: One, text: str, road: str) -> None:
    assert one(text)["road"] == road


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("中国上海市徐汇区漕溪路1号", "中国"),
        ("上海市宝山区城区杨泰路8号", "城区"),
        ("北京市朝阳区三环以内建国路1号", "三环以内"),
    ],
)
def test_words_between_divisions_that_say_nothing_are_noise(one: One, text: str, noise: str) -> None:
    row = one(text)
    assert row["noise"] == noise
    assert row["road"]


def test_a_repeated_prefix_of_a_county_under_the_province_is_no_contradiction(one: One) -> None:
    row = one("海南海口乐东黎族自治县海南海口乐东黎族自治县九所镇抱旺村")
    assert (row["adcode"], row["town"], row["issues"], row["noise"]) == ("469027", "九所镇", [], None)


def test_divisions_that_contradict_each_other_are_reported(one: One) -> None:
    row = one("浙江省杭州市西湖区广东省文一路1号")
    assert row["adcode"] == "330106"
    assert row["issues"]


@pytest.mark.parametrize(
    ("text", "adcode"),
    [
        ("郑州市管城区紫荆山路1号", "410104"),
        ("吉林省前郭县查干花镇", "220721"),
        ("大连市旅顺得胜街5号", "210212"),
        ("锡盟西乌旗巴拉嘎尔高勒镇", "152526"),
        ("深圳市龙华新区民治街道民治大道12号", "440309"),
        ("深圳光明新区公明街道", "440311"),
    ],
)
def test_short_forms_and_zones_that_became_districts(one: One, text: str, adcode: str) -> None:
    assert one(text)["adcode"] == adcode

"""What kind of place an address names."""

from __future__ import annotations

import pytest

from songda.places import place_type


@pytest.mark.parametrize(
    ("village", "group", "poi", "room", "text", "kind"),
    [
        (None, None, "阳光花园", "501", "人民路8号阳光花园3号楼501室", "flat"),
        (None, None, None, "501", "人民路8号3号楼501室", "flat"),
        (None, None, "宏达大厦", None, "人民路8号宏达大厦", "work"),
        (None, None, None, None, "人民路8号宏达科技有限公司", "work"),
        (None, None, "宏达电子厂宿舍", "301", "工业路8号宏达电子厂宿舍2号楼301室", "dormitory"),
        ("李家村", "3", None, "12", "李家村3组12号", "village"),
        ("李家村", None, None, None, "李家村", "village"),
        (None, None, None, None, "人民路8号", "street"),
        (None, None, None, None, None, "street"),
    ],
)
def test_the_parts_tell_the_kind(village, group, poi, room, text, kind):
    assert place_type(village=village, group=group, poi=poi, room=room, text=text) == kind

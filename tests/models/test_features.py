"""What a model may know is declared; everything else is refused by the code."""

from __future__ import annotations

import pytest

from songda.models.contacts import FEATURES as CONTACTS
from songda.models.errors import ForbiddenFeature
from songda.models.features import check, declared
from songda.models.place_features import PLACES
from songda.models.sending import FEATURES as SENDING
from songda.models.signing import FEATURES as SIGNING


def test_every_feature_of_every_model_is_declared_with_source_and_lawful_basis():
    assert {*PLACES, *SIGNING, *SENDING, *CONTACTS} == set(declared())
    for feature in declared().values():
        assert feature.zh
        assert feature.unit
        assert feature.source in ("案件文件", "地址解析", "本机构函件结果", "投递结果", "签收模型", "身份证号")
        assert feature.basis in ("履行合同", "同意", "司法文书")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gender", "forbidden word"),
        ("ethnicity_code", "forbidden word"),
        ("door_lat", "forbidden word"),
        ("phone_book_size", "forbidden word"),
        ("marriage", "forbidden word"),
        ("case_id", "forbidden word"),
        ("shoe_size", "not declared"),
    ],
)
def test_what_is_forbidden_or_not_declared_is_refused(name, why):
    with pytest.raises(ForbiddenFeature, match=why):
        check([name], model="address")


def test_a_region_finer_than_a_province_is_not_for_models_that_judge_people():
    check(["id_same_district"], model="address")
    for model in ("sending", "score"):
        with pytest.raises(ForbiddenFeature, match="finer than a province"):
            check(["id_same_district"], model=model)

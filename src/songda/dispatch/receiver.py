"""From a person's sealed record to the receiver of an order; opened in memory only.

Names, phones and addresses go to the carrier in full; what its label shows of them is the carrier's masking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from songda.carriers import Party
from songda.vault import DataKey

_MOBILE = re.compile(r"1[0-9]{10}")
_POSTCODE = re.compile(r"[0-9]{6}")
#: Municipalities are their own city.
_MUNICIPALITIES = frozenset({"北京市", "天津市", "上海市", "重庆市"})


def open_person(key: DataKey, person_id: str, sealed: bytes) -> dict[str, Any]:
    """The person's record. Raises Unsealable."""
    record: dict[str, Any] = orjson.loads(key.unseal(sealed, context=f"person:{person_id}"))
    return record


def receiver(person: Mapping[str, Any], address_record_id: str) -> Party | str:
    """The receiver at that address, or the name of the field without which no carrier can take the letter."""
    address = person.get("addresses", {}).get(address_record_id)
    if address is None:
        return "address"
    province = address.get("province") or ""
    city = address.get("city") or (province if province in _MUNICIPALITIES else "")
    county = address.get("district") or ""
    line = address.get("street") or _without_division(address.get("standard") or "", province, city, county)
    mobile, phone = _numbers(person.get("phones") or ())
    known = {
        "name": person.get("name"),
        "province": province,
        "city": city or county,
        "street": line,
        "phone": mobile or phone,
    }
    if missing := next((name for name, value in known.items() if not value), None):
        return missing
    postcode = address.get("postcode") or ""
    return Party(
        name=person["name"],
        prov=province,
        # Counties that stand under their province directly have no city: the carrier wants one all the same.
        city=city or county,
        county=county,
        address=line,
        mobile=mobile,
        phone="" if mobile else phone,
        postcode=postcode if _POSTCODE.fullmatch(postcode) else "",
    )


def _numbers(phones: Any) -> tuple[str, str]:
    """First mobile number and first other number."""
    plain = [re.sub(r"[^0-9-]", "", phone) for phone in phones]
    mobile = next((number for number in plain if _MOBILE.fullmatch(number)), "")
    return mobile, next((number for number in plain if number and not _MOBILE.fullmatch(number)), "")


def _without_division(line: str, *parts: str) -> str:
    for part in parts:
        line = line.removeprefix(part)
    return line

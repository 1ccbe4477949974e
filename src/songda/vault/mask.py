"""What of a personal field may be seen where: list screens, waybills, letters, logs.

>>> mask_phone("13800138034"), mask_id_number("11010519491231002X"), mask_name("张三丰")
('138******34', '1****************X', '张**')
>>> show("phone", "13800138034", role="letter") is None
True

A mask never gives back its input: what is too short to be masked by its rule is hidden whole. The waybill's rules are
those of GB/T 41833-2022 as reported (name: at least 1 character hidden; phone: at least 6 digits, so 3+4 fails; unit
and room hidden); the others are ours: what first 6 + last 4 of an ID number leaves is 1,722 people, first 1 + last 1
about 7 x 10^8.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Literal

Role = Literal["list", "waybill", "letter", "log"]
Field = Literal["name", "id_number", "phone", "bank_card", "contract_no"]
#: Columns of an address (songda.base.schemas.STANDARD), coarse to fine.
AddressParts = Mapping[str, str | None]

_HIDDEN = "***"
_REGION = ("province", "city", "district")
#: What a waybill may show: all that comes before the unit.
_WAYBILL_PARTS = (*_REGION, "town", "village", "group", "road", "road_no", "poi", "building")
_LETTER_PARTS = (*_WAYBILL_PARTS, "unit", "floor", "room")


def mask_name(name: str) -> str:
    """First character and one or two stars; a name of one character is hidden whole. Variation selectors do not count
    as characters.
    """
    visible = [c for c in name if unicodedata.category(c)[0] not in "MCZ"]
    if len(visible) < 2:
        return "*" * len(visible)
    return visible[0] + "*" * min(len(visible) - 1, 2)


def mask_id_number(number: str) -> str:
    """First and last character, the rest stars."""
    text = _compact(number)
    return text[0] + "*" * (len(text) - 2) + text[-1] if len(text) > 7 else "*" * len(text)


def mask_phone(phone: str) -> str:
    """First 3 and last 2 digits of a mobile number; of other numbers as much of it as leaves at least 6 digits
    hidden, last digits first.
    """
    digits = re.sub(r"\D", "", _compact(phone), flags=re.ASCII)
    digits = re.sub(r"^(?:00)?86(?=1\d{10}$)", "", digits)
    if len(digits) == 11 and digits[0] == "1":
        return f"{digits[:3]}{'*' * 6}{digits[-2:]}"
    tail = max(0, min(2, len(digits) - 6))
    return "*" * (len(digits) - tail) + digits[len(digits) - tail :]


def mask_bank_card(number: str) -> str:
    """Four stars and the last 4 digits."""
    return _last(number, 4)


def mask_contract_no(number: str) -> str:
    """Four stars and the last 6 characters, but never more than half of the number."""
    return _last(number, 6)


def mask_address(parts: AddressParts) -> str:
    """Province, city and district, then stars. A municipality that is its own city is written once."""
    return _written(parts, _REGION) + _HIDDEN


def waybill_address(parts: AddressParts) -> str:
    """Everything down to the building; unit, floor and room (and whatever no column claims) are stars. The carrier's
    device has the rest.
    """
    return _written(parts, _WAYBILL_PARTS) + _HIDDEN


def _full(text: str) -> str:
    return text


def _last_four(text: str) -> str:
    return _last(text, 4)


#: Field by role; None = the field has no place there. compliance table §8.1; nothing personal ever has a place in a
#: log.
_SHOWN: dict[Role, dict[Field, Callable[[str], str] | None]] = {
    "list": {
        "name": mask_name,
        "id_number": mask_id_number,
        "phone": mask_phone,
        "bank_card": mask_bank_card,
        "contract_no": mask_contract_no,
    },
    "waybill": {"name": mask_name, "id_number": None, "phone": mask_phone, "bank_card": None, "contract_no": None},
    "letter": {
        "name": _full,
        "id_number": _last_four,
        "phone": None,
        "bank_card": mask_bank_card,
        "contract_no": mask_contract_no,
    },
    "log": {"name": None, "id_number": None, "phone": None, "bank_card": None, "contract_no": None},
}


def show(field: Field, value: str, *, role: Role) -> str | None:
    """`value` as `role` may see it; None where the field has no place. Raises KeyError for an unknown field or role
    (fails closed).
    """
    masking = _SHOWN[role][field]
    return None if masking is None else masking(value)


def show_address(parts: AddressParts, *, role: Role) -> str | None:
    """The address as `role` may see it; None in a log. Raises KeyError for an unknown role."""
    writers: dict[Role, Callable[[AddressParts], str | None]] = {
        "list": mask_address,
        "waybill": waybill_address,
        "letter": lambda whole: _written(whole, _LETTER_PARTS),
        "log": lambda _: None,
    }
    return writers[role](parts)


def _last(text: str, shown: int) -> str:
    compact = _compact(text)
    shown = min(shown, len(compact) // 2)
    return "****" + compact[len(compact) - shown :]


def _compact(text: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def _written(parts: AddressParts, columns: tuple[str, ...]) -> str:
    texts = [parts.get(column) or "" for column in columns]
    if texts[0] == texts[1]:
        texts[0] = ""
    return "".join(texts)

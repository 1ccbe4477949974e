"""Ids of the people and machines that answer for something; a name or an address has no place in a link or in the audit log."""

from __future__ import annotations

import re

from songda.base.errors import SongdaError

_HOLDER = re.compile(r"[A-Za-z0-9_.:-]{1,60}")


class BadHolder(SongdaError):
    zh = "人员编号的写法不对"
    remedy = "请用字母、数字和 _ . : - 组成的编号（至多 60 个字符），不要写姓名、电话或邮箱"
    exit_code = 64


def holder_id(text: str) -> str:
    """`text`, if it is an id. Raises BadHolder."""
    if not _HOLDER.fullmatch(text):
        raise BadHolder
    return text

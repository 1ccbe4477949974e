"""Errors that several commands of the flow share."""

from __future__ import annotations

from songda.base.errors import SongdaError


class UnknownLetter(SongdaError):
    zh = "没有函号为 {letter_no} 的函件"
    remedy = "函号可用 songda letters list 批次号 查看"
    exit_code = 65

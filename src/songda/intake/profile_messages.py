"""Why pydantic refuses a profile, in Chinese: the key and the reason, never the value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_REASONS = {
    "extra_forbidden": "不认识的项目，请检查拼写",
    "string_type": "应为文字（加引号）",
    "string_sub_type": "应为文字（加引号）",
    "string_too_long": "过长（最多 {max_length} 个字）",
    "string_pattern_mismatch": "格式不符（{pattern}）",
    "int_type": "应为整数（不加引号）",
    "int_from_float": "应为整数",
    "float_type": "应为数字（不加引号）",
    "float_parsing": "应为数字（不加引号）",
    "bool_type": "应为 true 或 false",
    "date_type": "应为日期，写成 2026-01-02（不加引号）",
    "date_from_datetime_inexact": "应为日期，写成 2026-01-02（不带时间）",
    "tuple_type": "应为列表，写成 [ … ]",
    "list_type": "应为列表，写成 [ … ]",
    "model_type": "应为一组项目，写成 [小节] 或 {{ … }}",
    "model_attributes_type": "应为一组项目，写成 [小节] 或 {{ … }}",
    "greater_than_equal": "不得小于 {ge}",
    "less_than_equal": "不得大于 {le}",
    "greater_than": "须大于 {gt}",
    "literal_error": "应为 {expected} 之一",
    "value_error": "{error}",
}


def in_chinese(errors: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence an error: `firm.postcode：格式不符（^\\d{6}$）`."""
    sentences = []
    for error in errors:
        reason = _REASONS.get(error["type"], "内容不符合要求").format(**error.get("ctx", {}))
        sentences.append(f"{_key(error['loc'])}：{reason}")
    return list(dict.fromkeys(sentences))


def _key(location: Sequence[int | str]) -> str:
    """`lawyers[2].phone`, counted from 1 as people count."""
    key = ""
    for part in location:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        # Names of pydantic's own validators are no keys of the file.
        elif part.isidentifier() or "-" not in part:
            key += f".{part}" if key else part
    return key or "（全文）"

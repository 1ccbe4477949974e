"""What a few characters are: forms of numbers, words of direction, class words. They know the text alone."""

from __future__ import annotations

from songda.address.compiled.fields import BUILDING, FLOOR, UNIT
from songda.address.compiled.kernel import kernel
from songda.address.compiled.numbering import digit
from songda.address.compiled.tokens import Text


@kernel
def is_vicinity(text: Text, start: int, end: int) -> bool:
    """附近 旁 对面 对过 后面 前面 背后 隔壁 边 侧 and directions: what comes before is not the door."""
    for i in range(start, end):
        c = text.char[i]
        if (
            c == 0x8FD1 or c == 0x65C1 or c == 0x9762 or c == 0x8FC7 or (c == 0x95E8 and i == end - 1 and i > start)
            or c == 0x540E or c == 0x524D or c == 0x9694 or c == 0x8FB9 or c == 0x4FA7 or c == 0x7C73 or c == 0x5F80
            or c == 0x5411 or c == 0x4E1C or c == 0x897F or c == 0x5357 or c == 0x5317
        ):  # fmt: skip
            return True
    return False


@kernel
def elsewhere(text: Text, start: int, end: int) -> bool:
    """对面 斜对面 附近 旁边 隔壁 向东100米: the place lies beside the door that was named, not in it."""
    for i in range(start, end):
        if is_one_of(text.char[i], 0x5BF9, 0x8FD1, 0x65C1, 0x9694, 0x7C73, 0x5411, 0x5F80):
            return True
    return False


@kernel
def bare_vicinity(text: Text, start: int, end: int) -> bool:
    """True for 附近, 旁, 旁边, 对面, 后面 …: words without direction or distance, which a landmark leaves off."""
    for i in range(start, end):
        c = text.char[i]
        if c == 0x4E1C or c == 0x897F or c == 0x5357 or c == 0x5317 or c == 0x7C73 or 48 <= c <= 57:
            return False
        if c == 0x95E8 or c == 0x53E3:
            return False
    return True


@kernel
def is_one_of(c: int, a: int, b: int, d: int, e: int, f: int, g: int, h: int) -> bool:
    return c == a or c == b or c == d or c == e or c == f or c == g or c == h


@kernel
def trimmed(text: Text, field: int, start: int, end: int) -> int:
    """End of a number without its class word: 3号楼 → 3, 2单元 → 2, 五层 → 五, 301室 → 301."""
    while end - start > 1:
        c = text.char[end - 1]
        if field == BUILDING:
            cut = is_one_of(c, 0x53F7, 0x697C, 0x680B, 0x5E62, 0x5EA7, 0x23, 0x6392)  # 号楼栋幢座#排
        elif field == UNIT:
            cut = is_one_of(c, 0x5355, 0x5143, 0x95E8, 0x68AF, 0x53E3, 0x53F7, 0x53F7)  # 单元门梯口号
        elif field == FLOOR:
            cut = is_one_of(c, 0x697C, 0x5C42, 0x697C, 0x697C, 0x697C, 0x697C, 0x697C)  # 楼层
        else:
            cut = is_one_of(c, 0x5BA4, 0x53F7, 0x6237, 0x623F, 0x94FA, 0x5E93, 0x95F4) or is_one_of(  # 室号户房铺库间
                c, 0x8F66, 0x5546, 0x23, 0x5BA4, 0x5BA4, 0x5BA4, 0x5BA4
            )  # 车商#
        if not cut:
            break
        end -= 1
    return end


@kernel
def group_like(text: Text, start: int, end: int) -> bool:
    """A village group: 3组, 五队, 八社, 木鱼包社."""
    c = text.char[end - 1]
    return c == 0x7EC4 or c == 0x961F or c == 0x793E


@kernel
def joins(text: Text, start: int) -> bool:
    """与 or 和 that joins a second road; 和平, 和谐, 和兴 … begin a name."""
    c, d = text.char[start], text.char[start + 1]
    if c == 0x4E0E or c == 0x53CA:
        return True
    return c == 0x548C and not is_one_of(d, 0x5E73, 0x8C10, 0x5174, 0x987A, 0x7766, 0x7F8E, 0x7545)


@kernel
def at_crossing(text: Text, end: int) -> bool:
    """路口 or 街口 behind a road that lacks its class word: the word is the road's."""
    c = text.char[end]
    return (c == 0x8DEF or c == 0x8857) and text.char[end + 1] == 0x53E3 and text.char[end - 1] != c


@kernel
def only_class(text: Text, start: int, end: int) -> bool:
    """True for 路, 街, 巷, 大道, 大街 and 公路."""
    last = text.char[end - 1]
    if end - start == 1:
        return last == 0x8DEF or last == 0x8857 or last == 0x5DF7
    first = text.char[start]
    return end - start == 2 and (
        (first == 0x5927 and (last == 0x9053 or last == 0x8857)) or (first == 0x516C and last == 0x8DEF)
    )


@kernel
def ends_bare(text: Text, end: int) -> bool:
    c = text.char[end - 1]
    return 48 <= c <= 57 or digit(c) >= 0 or (c < 128 and 65 <= (c & 0xDF) <= 90)


@kernel
def numbered_lane(text: Text, start: int, end: int) -> bool:
    """32弄, 六巷: a lane that has a number for its name."""
    c = text.char[end - 1]
    if (c != 0x5F04 and c != 0x5DF7) or end - start < 2:
        return False
    for i in range(start, end - 1):
        if not (48 <= text.char[i] <= 57 or digit(text.char[i]) >= 0):
            return False
    return True


@kernel
def map_road(text: Text, start: int, end: int) -> int:
    """G312国道 → G312."""
    c = text.char[start]
    if end - start > 3 and c < 128 and 65 <= (c & 0xDF) <= 90:
        i = start + 1
        while i < end and 48 <= text.char[i] <= 57:
            i += 1
        if (
            i > start + 1
            and end - i <= 4
            and i < end
            and (text.char[end - 1] == 0x9053 or text.char[end - 1] == 0x901F)
        ):  # 道 速
            return i
    return end


@kernel
def shop_floor(text: Text, start: int, end: int) -> bool:
    """底商, 门市: the shops on the ground floor."""
    return has_pair(text, start, end, 0x5E95, 0x5546) or (
        end - start == 2 and has_pair(text, start, end, 0x95E8, 0x5E02)
    )


@kernel
def bare_number(text: Text, start: int, end: int) -> bool:
    """Digits alone, without the word that counts buildings."""
    for i in range(start, end):
        if not 48 <= text.char[i] <= 57:
            return False
    return True


@kernel
def letter_and_room(text: Text, start: int, end: int) -> bool:
    c = text.char[start]
    if end - start < 4 or c >= 128 or not 65 <= (c & 0xDF) <= 90:
        return False
    for i in range(start + 1, start + 4):
        if not 48 <= text.char[i] <= 57:
            return False
    return True


@kernel
def has_pair(text: Text, start: int, end: int, c: int, d: int) -> bool:
    for i in range(start, end - 1):
        if text.char[i] == c and text.char[i + 1] == d:
            return True
    return False


@kernel
def is_filler(c: int, d: int) -> bool:
    """城区 县城 市区 全境 全区 全市 全县: words of the shop's form."""
    return (c == 0x57CE and d == 0x533A) or (c == 0x53BF and d == 0x57CE) or (c == 0x5E02 and d == 0x533A) or (
        c == 0x5168 and is_one_of(d, 0x5883, 0x533A, 0x5E02, 0x53BF, 0x5883, 0x5883, 0x5883)
    )  # fmt: skip


@kernel
def same_chars(text: Text, a: int, b: int, c: int, d: int) -> bool:
    if b - a != d - c:
        return False
    for i in range(b - a):
        if text.char[a + i] != text.char[c + i]:
            return False
    return True


@kernel
def contains(text: Text, a: int, b: int, c: int, d: int) -> bool:
    """True when the characters [c, d) stand within [a, b)."""
    for i in range(a, b - (d - c) + 1):
        if same_chars(text, i, i + d - c, c, d):
            return True
    return False

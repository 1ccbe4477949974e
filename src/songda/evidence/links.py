"""The eight links of the chain "sent, and arrived", in Chinese: of each what is proven and what is missing.

    for link in links_of(letter):
        link.no, link.title, link.proven, link.missing

A sentence under `proven` rests on something that was computed before (`checked`), or begins with 出具机构记载 where it rests
on the institution's word alone. What the house does not keep is named as missing, for every letter anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from importlib import resources
from typing import Any

from songda.base.days import SHANGHAI, add_days, chinese_date
from songda.base.money import yuan
from songda.carriers import Outcome
from songda.evidence.checked import CheckedLetter, Signatory
from songda.evidence.outcome import UNREADABLE
from songda.signatures import SCHEMES_ZH

#: 邮政法 49: within one year of posting the carrier must answer questions about a registered item.
QUERY_DAYS = 365


@dataclass(frozen=True, slots=True)
class Link:
    #: 1 to 8; 0: there is no chain.
    no: int
    title: str
    proven: tuple[str, ...]
    missing: tuple[str, ...]


#: Prefixes of codes that an aggregator tells.
_RETELLERS = ("kd100", "kdniao")
#: Prefixes of codes that the carrier does not tell → whose word they are.
_OTHERS = {**dict.fromkeys(_RETELLERS, "第三方平台转述"), "courier": "网点人员回报", "post": "出具机构扫描退件"}

#: A sentence, and whether it tells of something that is there.
_Said = Iterator[tuple[bool, str]]


def links_of(letter: CheckedLetter) -> tuple[Link, ...]:
    """The links in the order of the chain; of a letter that never was to go anywhere, why."""
    if not letter.attempts:
        return (Link(0, "没有寄送", (), (_unsent(letter),)),)
    makers = (
        ("内容", _content),
        ("时间", _time),
        ("纸与内容一致", _paper),
        ("交寄", _posted),
        ("地址依据", _address),
        ("寄递过程", _transit),
        ("结果", _outcome),
        ("保管", _custody),
    )
    return tuple(_link(no, title, list(make(letter))) for no, (title, make) in enumerate(makers, 1))


def _link(no: int, title: str, said: list[tuple[bool, str]]) -> Link:
    proven = tuple(text for there, text in said if there)
    return Link(no, title, proven, tuple(text for there, text in said if not there))


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    import tomllib

    return tomllib.loads(resources.files("songda.evidence").joinpath("words.toml").read_text("utf-8"))


def word(kind: str, code: str | None) -> str:
    """The Chinese for a code of words.toml; the code itself where there is none."""
    return "" if code is None else _words()[kind].get(code, code)


def instant(text: str | datetime) -> str:
    """`2026年11月24日 09:00:00`, Shanghai."""
    at = (datetime.fromisoformat(text) if isinstance(text, str) else text).astimezone(SHANGHAI)
    return f"{chinese_date(at.date())} {at:%H:%M:%S}"


def _unsent(letter: CheckedLetter) -> str:
    decisions = letter.record["decisions"]
    why = "；".join(decisions[-1]["words"]) if decisions else ""
    return f"{word('state', letter.record['letter']['state'])}{f'：{why}' if why else ''}"


def _content(letter: CheckedLetter) -> _Said:
    record, approval = letter.record, letter.record["approval"]
    head = record["letter"]
    printed = [attempt for attempt in letter.attempts if attempt["pdf"]]
    for attempt in printed:
        pdf = attempt["pdf"]
        yield (
            True,
            f"第 {attempt['n']} 次寄送的函件 PDF 在包内（{pdf['file']}），SHA-256 {pdf['sha256']}，SM3 {pdf['sm3']}",
        )
    if printed:
        yield (
            True,
            f"出具机构记载：函号 {head['no']}，金额 {yuan(head['amount_fen'])} 元，模板哈希 {record['template_sha256']}",
        )
        yield True, "PDF 自称符合 PDF/A-2a（长期保存格式），本工具未作格式校验"
    else:
        yield False, "没有制成函件 PDF"
    if letter.lawyer is not None:
        document = approval["document"]
        yield from signed_by(
            letter.lawyer, f"律师{document['lawyer']}于 {instant(document['at'])} 签发批次名单", whose="律师姓名"
        )
        listed = "出证时已核对本函在该名单之中" if approval["list_checked"] else "出证时未能核对本函在该名单之中"
        yield approval["list_checked"], f"出具机构记载：{listed}；名单含其他收件人，不在包内"
    else:
        yield False, "没有律师签发记录，或没有可用来核对的律师公钥"
    if approval is not None and approval["by_itself"]:
        yield False, "演练中由系统自行签发，不是律师本人签发"
    if court := record.get("court"):
        yield from _entrusted(letter, court)
    yield from _signatures(letter)


def signed_by(signatory: Signatory, what: str, *, whose: str) -> _Said:
    """`what` somebody has signed; `whose` name his certificate was compared with."""
    scheme, certificate = SCHEMES_ZH[signatory.scheme], signatory.certificate
    if signatory.unchecked is not None:
        yield False, f"{what}：{scheme}签名未能核对，{signatory.unchecked.message_zh}"
    elif certificate is None:
        who = "公钥由你提供" if signatory.trusted else "公钥为包内自称"
        yield True, f"{what}，{scheme} 签名成立（{who}）"
    else:
        who = "证书由你提供，或由你信任的机构签发" if signatory.trusted else "证书为包内自称"
        yield True, f"{what}，{scheme}签名成立（{who}）"
    if certificate is not None:
        days = f"{chinese_date(certificate.not_before.date())}至{chinese_date(certificate.not_after.date())}"
        yield (
            True,
            f"所用证书：{certificate.subject}，签发者 {certificate.issuer}，有效期 {days}，指纹 {certificate.fingerprint}；"
            f"签名时在有效期内、用途为签名、与{whose}相符。是否曾被吊销，请向签发者查询",
        )


def _signatures(letter: CheckedLetter) -> _Said:
    """Electronic signatures of the PDFs of record."""
    printed = [attempt for attempt in letter.attempts if attempt["pdf"]]
    for attempt in printed:
        found = letter.signed.get(attempt["id"])
        if found is None:
            continue
        file = attempt["pdf"]["signature"]["file"]
        inside = "，其开头与存档件逐字节相同，其后为签名" if file.endswith(".pdf") else ""
        what = f"第 {attempt['n']} 次寄送的函件 PDF 有电子签名（{file}{inside}）"
        yield from signed_by(found.signatory, what, whose="律所或机构名称")
        if found.stamped is not None:
            who = "证书由你提供" if found.stamped.trusted else "证书为包内自称"
            stamp = found.stamped.stamp
            yield True, f"该签名不晚于 {instant(stamp.at)} 作出：{stamp.authority} 的可信时间戳成立（{who}）"
    if not letter.signed:
        yield False, "没有电子印章证书：函件 PDF 没有电子签名"


def _entrusted(letter: CheckedLetter, court: Mapping[str, Any]) -> _Said:
    """What a forwarded document rests on."""
    pdf = court["pdf"]
    yield (
        True,
        f"所附{court['document']}（{court['court']}，案号 {court['docket_no']}，{court['pages']} 页）在包内（{pdf['file']}），"
        f"SHA-256 {pdf['sha256']}，与登记的哈希一致",
    )
    day = chinese_date(date.fromisoformat(court["entrusted_on"]))
    confirmed = f"、{court['confirmed_by']} 确认" if court["confirmed_by"] else ""
    yield (
        bool(court["confirmed_by"]),
        f"出具机构记载：法院书面委托 {court['entrustment_no']}（{day}），由 {court['recorded_by']} 登记{confirmed}；"
        "委托函原件不在包内",
    )
    if court["state"] == "withdrawn":
        yield False, "出具机构记载：该委托后来已撤回"
    for each in letter.countersigners:
        which = "同一名单" if each.same_list else "含本函的名单（出具机构记载）"
        yield from signed_by(
            each.signatory, f"律师{each.lawyer}于 {instant(each.at)} 另行签发{which}", whose="律师姓名"
        )
    if not letter.countersigners:
        yield False, "没有第二名律师的签发，或没有可用来核对的公钥"


def _time(letter: CheckedLetter) -> _Said:
    for _, piece in _pieces(letter):
        if piece["id"] in letter.proven_pieces:
            proof = piece["proof"]
            yield True, f"封件 {piece['id']} 是打印批次 {proof['run_id']} 共 {proof['size']} 件之一（默克尔证明成立）"
        stamped = letter.stamps.get(piece["id"])
        if stamped is not None:
            who = "证书由你提供" if stamped.trusted else "证书为包内自称"
            stamp = stamped.stamp
            yield True, f"函件 PDF 的哈希不晚于 {instant(stamp.at)} 已存在：{stamp.authority} 的可信时间戳成立（{who}）"
            if piece["handed_over_at"] and stamp.at > datetime.fromisoformat(piece["handed_over_at"]):
                yield False, f"封件 {piece['id']} 的时间戳晚于记载的交寄时间"
        else:
            yield False, f"封件 {piece['id']} 所在的打印批次未加盖时间戳"
    if not any(True for _ in _pieces(letter)):
        yield False, "没有封件，未加盖时间戳"


def _paper(letter: CheckedLetter) -> _Said:
    for attempt, piece in _pieces(letter):
        row = (piece["proof"] or {}).get("row")
        if row is not None:
            yield (
                True,
                f"出具机构记载：封件 {piece['id']} 共 {row['pages']} 页、{row['sheets']} 张，计算重量 {row['weight_g']} 克，"
                f"打印页哈希 {row['print_sha256']}，每张印有批次、件号、张号条码",
            )
            if annex := row.get("annex"):
                text = f"另附文书 {annex['pages']} 页，一页一张，文件哈希 {annex['sha256']}，未加印任何内容"
                yield True, f"出具机构记载：封件 {piece['id']} {text}"
        else:
            yield False, f"封件 {piece['id']} 没有打印清单"
        printed = _moved(letter, piece["id"], "enveloped")
        if printed:
            yield True, f"出具机构记载：{instant(printed)} 封件码读取相符并装封"
        elif attempt["pdf"]:
            yield False, f"封件 {piece['id']} 没有装封记录"
    yield False, "没有装封机实测重量、封口影像和抽样公证"


def _posted(letter: CheckedLetter) -> _Said:
    for _, piece in _pieces(letter):
        if piece["waybill_no"]:
            yield True, f"邮件号 {piece['waybill_no']}，内件品名“{piece['item']}”"
        if piece["handed_over_at"]:
            yield True, f"出具机构记载：{instant(piece['handed_over_at'])} 交承运商"
        else:
            yield False, f"封件 {piece['id']} 未交寄（{word('state', piece['state'])}）"
    for attempt in letter.attempts:
        for waybill, outcome in letter.outcomes[attempt["id"]].items():
            tellers = _tellers(attempt, waybill, outcome)
            if outcome.state == "posted" or not tellers:
                yield False, f"邮件 {waybill} 没有承运商收寄轨迹；“已交寄”只是出具机构的记载"
            elif tellers <= _OTHERS.keys():
                whose = "、".join(sorted({_OTHERS[teller] for teller in tellers}))
                yield False, f"邮件 {waybill} 没有承运商自己的轨迹，只有{whose}的记录"
            else:
                yield True, f"承运商的原始轨迹表明邮件 {waybill} 已进入寄递网络"
    if not any(True for _ in _pieces(letter)):
        yield False, "没有交寄"
    yield False, "没有邮局加盖日戳的交寄清单"


def _tellers(attempt: Mapping[str, Any], waybill: str, outcome: Outcome) -> set[str]:
    """Prefixes of the codes that were told of the waybill and count; "" is the carrier's own."""
    parked = {each.key[1:3] for each in outcome.parked}
    told = [event["parts"] for event in attempt["events"] if event["waybill_no"] == waybill]
    codes = {(datetime.fromisoformat(parts["op_time"]), parts["op_code"]) for parts in told}
    counted = {code for at, code in codes if not parked & {(at, code), (at, UNREADABLE)}}
    return {code.rpartition(":")[0] for code in counted}


def _address(letter: CheckedLetter) -> _Said:
    for attempt in letter.attempts:
        address = attempt["address"]
        day = f"，登记于 {chinese_date(date.fromisoformat(address['recorded_on']))}" if address["recorded_on"] else ""
        origin, basis = word("origin", address["origin"]), word("basis", address["basis"])
        where = f"第 {attempt['n']} 次寄往“{''.join(address['label'])}”，来源：{origin or '未写明'}{day}"
        yield bool(origin), f"出具机构记载：{where}，审批时的依据：{basis or '未写明'}"
    yield False, "地址取自出证时的记录；寄出当日的地址以函件 PDF 上所印为准，原始合同或预留资料不在包内"


def _transit(letter: CheckedLetter) -> _Said:
    for attempt in letter.attempts:
        events = attempt["events"]
        if events:
            last = max(event["received_at"] for event in events)
            yield (
                True,
                f"第 {attempt['n']} 次寄送的 {len(events)} 条原始轨迹在包内，哈希相符，最后一条收到于 {instant(last)}",
            )
            tellers = Counter(event["parts"]["op_code"].partition(":")[0] for event in events)
            if reported := tellers["courier"]:
                yield False, f"其中 {reported} 条是投递网点人员在出具机构页面上的回报，效力低于承运商自己的轨迹"
            if scanned := tellers["post"]:
                yield False, f"其中 {scanned} 条是出具机构退件扫描的登记，不是承运商的轨迹"
            if retold := sum(tellers[each] for each in _RETELLERS):
                yield False, f"其中 {retold} 条是第三方平台的转述，按出具机构的解读计入"
        elif attempt["posted_on"]:
            yield False, f"第 {attempt['n']} 次寄送没有收到任何轨迹"
        for outcome in letter.outcomes[attempt["id"]].values():
            if outcome.parked:
                codes = "、".join(sorted({f"{parked.key[2]}（{_PARKED[parked.reason]}）" for parked in outcome.parked}))
                yield False, f"有 {len(outcome.parked)} 条轨迹未计入：{codes}"
    if not any(attempt["posted_on"] for attempt in letter.attempts):
        yield False, "没有寄递"


_PARKED = {
    "unknown_code": "代码不明",
    "before_hand_over": "早于交寄",
    "in_the_future": "时间晚于出证",
}


def _outcome(letter: CheckedLetter) -> _Said:
    for attempt in letter.attempts:
        for waybill, outcome in letter.outcomes[attempt["id"]].items():
            when = f"，{instant(outcome.at)}" if outcome.at else ""
            flags = "；".join(word("flag", flag) for flag in outcome.flags)
            yield (
                True,
                f"按原始轨迹和包内代码表（{outcome.mapping_version}）重算，邮件 {waybill}：{word('fold', outcome.state)}{when}，"
                f"等级 {outcome.grade or '尚无'}{f'（{flags}）' if flags else ''}",
            )
        if attempt["grade"]:
            yield True, f"出具机构记载：第 {attempt['n']} 次寄送定级 {attempt['grade']}"
        elif attempt["state"] in ("posted", "carried", "reported", "silent"):
            yield False, f"第 {attempt['n']} 次寄送尚未定级（{word('state', attempt['state'])}）"
        slips = [event["slip"]["file"] for event in attempt["events"] if event.get("slip")]
        if slips:
            text = f"签收联照片在包内（{'、'.join(slips)}），由投递人员拍摄，入库时缩小为灰度图"
            yield True, f"出具机构记载：第 {attempt['n']} 次寄送的{text}"
        if attempt["posted_on"]:
            missing = "签收联原件" if slips else "签收人签名图像和签收联原件"
            yield False, f"第 {attempt['n']} 次寄送没有{missing}（{_query_year(letter, attempt)}）"
    if not letter.agrees:
        yield False, "出具机构记载的结果与按原始轨迹重算的不一致，应以重算为准并请其说明"
    if any(attempt["posted_on"] for attempt in letter.attempts):
        yield False, "签收人与债务人的关系只见于承运商的轨迹文字"
    else:
        yield False, "没有寄递，没有结果"


def _query_year(letter: CheckedLetter, attempt: Mapping[str, Any]) -> str:
    ends = add_days(date.fromisoformat(attempt["posted_on"]), QUERY_DAYS)
    if letter.record["exported_on"] > ends.isoformat():
        return f"邮政法第四十九条的一年查询期已于 {chinese_date(ends)} 届满"
    return f"{chinese_date(ends)} 前可依邮政法第四十九条向承运商查询"


def _custody(letter: CheckedLetter) -> _Said:
    record = letter.record
    yield (
        True,
        f"出具机构记载：状态变更 {len(record['history'])} 条、自动决定 {len(record['decisions'])} 条，按时间顺序在包内",
    )
    audit = record["audit"]
    text = f"出具机构记载：出证时审计链共 {audit['count']} 条，末端 {audit['head']}"
    yield audit["intact"], text if audit["intact"] else f"{text}，其中有被改动的地方"
    yield False, "没有纸质单据原件；业务记录由出具机构自行保管，其系统的可靠性不由本工具证明"


def _pieces(letter: CheckedLetter) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return ((attempt, piece) for attempt in letter.attempts for piece in attempt["pieces"])


def _moved(letter: CheckedLetter, object_id: str, target: str) -> str | None:
    """When an object came to state `target`, by the record."""
    steps = (step for step in letter.record["history"] if (step["id"], step["target"]) == (object_id, target))
    return next((step["at"] for step in steps), None)


grade_word = partial(word, "grade")

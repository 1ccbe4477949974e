"""What can go wrong between us and a carrier, apart from the carrier's own "no" (that is a result: `Refused`)."""

from __future__ import annotations

from songda.base.errors import SongdaError


class NoAnswer(SongdaError):
    """No usable answer came back.

    `sent` tells what a caller may do. False: the request provably never left (no connection could be made) or was turned
    away unread, so it may be repeated. True: the carrier may or may not have acted; an order is then resolved by a query or by a person,
    never by a repeat.
    """

    zh = "承运商没有给出可用的答复（{reason}）"
    remedy = "系统会按本单号核实后再处理；如持续出现，请检查网络或联系承运商"
    exit_code = 75

    def __init__(self, *, reason: str, sent: bool) -> None:
        super().__init__(reason=reason, sent=sent)
        self.reason = reason
        self.sent = sent


class LineCut(NoAnswer):
    """Not sent: nobody has answered for long, or the carrier asked to be left alone."""

    zh = "承运商连续没有应答，{seconds} 秒内暂停调用"
    remedy = "请检查网络和承运商公告；未发出的请求稍后会自动补发，不会重复下单"

    def __init__(self, *, seconds: float) -> None:
        super().__init__(reason="line_cut", sent=False)
        self.data = {"seconds": seconds}


class Awaited(NoAnswer):
    """The carrier has the order and answers later: a query by our own number settles it, and nothing is repeated."""

    zh = "承运商已收到清单，尚未回执"
    remedy = "收到回执文件后系统会自动继续；逾期未回请联系承运商"

    def __init__(self) -> None:
        super().__init__(reason="awaited", sent=True)
        self.data = {}


class ClockSkew(NoAnswer):
    """Refused while our clock and the carrier's differ: the stamp of the call is to blame, not the letter.

    A refusal means that the carrier has not acted, so the call may be repeated once the clock is right.
    """

    zh = "本机时钟与承运商相差 {seconds} 秒，请求被拒（{code}）"
    remedy = "请校准本机时钟（NTP）后重试；尚未下单的封件会自动补发"

    def __init__(self, *, seconds: int, code: str) -> None:
        super().__init__(reason="clock_skew", sent=False)
        self.data = {"seconds": seconds, "code": code}


class BadEnvelope(SongdaError):
    """A message that does not decrypt with our key: not from the carrier, damaged, or another key."""

    zh = "报文无法用本合同的密钥解开（{reason}）"
    remedy = "请核对签名密钥，并确认来源为承运商"
    exit_code = 65


class BadPush(SongdaError):
    """A pushed message that is not a tracking event of this contract."""

    zh = "收到的轨迹推送不合格式（{reason}）"
    remedy = "请确认推送来源与协议客户号"
    exit_code = 65


class BadContract(SongdaError):
    """A contract setting that cannot be used. Carries the setting's name, never a secret."""

    zh = "承运商合同设置 {setting} 有误：{reason}"
    remedy = "请更正租户配置中的承运商合同"
    exit_code = 78


class BadExchangeFile(SongdaError):
    """A file of the carrier's that cannot be read; the reason names line and field, never what stands there."""

    zh = "承运商文件无法读取（{reason}）"
    remedy = "文件已移入 in/refused，请联系承运商更正后重新放入 in 目录"
    exit_code = 65

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class BadTrackingTable(SongdaError):
    """The table of tracking codes contradicts itself."""

    zh = "轨迹代码表有误：{reason}"
    remedy = "请更正代码表后重试"
    exit_code = 78

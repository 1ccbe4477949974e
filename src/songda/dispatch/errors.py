"""What can stop the dispatch desk and needs somebody to act. None carries personal data."""

from __future__ import annotations

from songda.base.errors import SongdaError


class NumberRangeUsedUp(SongdaError):
    zh = "承运商预分配的运单号段已用完，还有 {missing} 件没有运单号"
    remedy = "请向承运商申请新的号段，更新租户配置中的 number_range 后重新运行；已下单的封件不受影响"
    exit_code = 78


class RunNotReady(SongdaError):
    zh = "打印批次处于 {state} 状态，不能交寄"
    remedy = "请先由印制方确认该批次，再重新运行"
    exit_code = 75


class RunNotBalanced(SongdaError):
    zh = "打印批次还有 {count} 件未说明去向，不能交寄"
    remedy = "请查明这些封件：找到的放回，损坏或丢失的登记后重新运行"
    exit_code = 75


class PiecesInThePile(SongdaError):
    """`count` envelopes of the run must not go, and the factory has not answered that it took them out."""

    zh = "印制方还没有答复：打印批次中有 {count} 件应当取出，取出之前不能交寄"
    remedy = "清单见 songda press divert {run}；取出后提交装封机的结果文件，或加 --done 登记"
    exit_code = 75


class PiecesWithoutWaybill(SongdaError):
    zh = "打印批次有 {count} 件没有运单号，不能交寄"
    remedy = "请先为这些封件下单，或将其撤出后重新运行"
    exit_code = 75


class UnknownOrder(SongdaError):
    zh = "没有待核实的订单 {order_no}"
    remedy = "待核实的订单见 songda carrier doubts；已核实的不再更改"
    exit_code = 65


class OtherWaybill(SongdaError):
    zh = "订单 {order_no} 是按本机构号段的运单号 {waybill_no} 下的，不能改记为另一个运单号"
    remedy = "承运商若给了别的号码，请先请其撤销该单，再用 --not-accepted 登记，系统会按原号码重新下单"
    exit_code = 65


class WaybillTaken(SongdaError):
    zh = "运单号 {waybill_no} 已用于另一件"
    remedy = "请与承运商按订单号重新核对；一个运单号只能用于一件"
    exit_code = 65


class UnknownStop(SongdaError):
    zh = "没有生效中的停止令 {stop}"
    remedy = "编号可用 songda letters stops 查看；已解除的停止令不再更改"
    exit_code = 65


class UnknownWaybill(SongdaError):
    zh = "轨迹推送的运单号不属于本机构"
    remedy = "请勿确认该推送，承运商会重发；如持续出现，请与承运商核对协议客户号"
    exit_code = 65

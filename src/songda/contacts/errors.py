"""What the desk refuses to do. A permit that is refused is no error: it is an answer, and kept."""

from __future__ import annotations

from songda.base.errors import SongdaError


class KeyReused(SongdaError):
    zh = "这个幂等键已用于另一内容的申请，先收到的有效"
    remedy = "每次联系请使用新的键；重试同一次申请时内容须完全相同"
    exit_code = 65


class NoSuchPermit(SongdaError):
    zh = "没有编号为 {permit} 的许可"
    remedy = "请核对编号；songda contacts history 列出一个案件的全部许可"
    exit_code = 65


class NotGranted(SongdaError):
    zh = "许可 {permit} 当时没有获准，没有结果可报"
    remedy = "如果已经联系，请立即告知机构的合规负责人"
    exit_code = 65


class WrongOutcome(SongdaError):
    zh = "结果“{outcome}”不适用于这种联系方式"
    remedy = "电话可报 interactive、informing、unanswered、not_dialled，短信和函件可报 sent、not_sent"
    exit_code = 65


class OtherOutcome(SongdaError):
    zh = "许可 {permit} 的结果已报为“{outcome}”，不能改报"
    remedy = "先报的有效；报错了的请告知机构，由其在内部更正说明"
    exit_code = 65


class NoSuchDeclaration(SongdaError):
    zh = "没有编号为 {declaration} 的有效登记"
    remedy = "请核对编号；可能已经结束"
    exit_code = 65


class BadDeclaration(SongdaError):
    zh = "登记不完整：{problem}"
    remedy = "同意联系须写明截止日期和原话；截止日期不早于开始日期"
    exit_code = 65

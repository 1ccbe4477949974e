"""What the commands of `songda address` refuse."""

from __future__ import annotations

from songda.base.errors import SongdaError


class NothingToRead(SongdaError):
    zh = "没有给出地址"
    remedy = "请写文件名，或从管道输入（每行一个地址）；例子见 songda address parse --help"
    exit_code = 64


class NoRows(SongdaError):
    zh = "{file} 里没有数据行"
    remedy = "请确认导出成功；文本文件每行写一个地址"
    exit_code = 65


class NoColumn(SongdaError):
    zh = "{file} 里没有找到“{column}”列（标题行里有：{headers}）"
    remedy = "请核对标题行，或用 --column 写明列名"
    exit_code = 65


class WhichColumn(SongdaError):
    zh = "{file} 里有几列都像“{column}”：{headers}"
    remedy = "请用 --column 写明用哪一列"
    exit_code = 64


class WrongLine(SongdaError):
    zh = "{file} 第 {row_no} 行{what}"
    remedy = "{remedy}"
    exit_code = 65


class NeedsFile(SongdaError):
    zh = "parquet 不能写到屏幕或管道"
    remedy = "请加 --out 文件.parquet"
    exit_code = 64


class SameFile(SongdaError):
    zh = "结果文件就是输入文件"
    remedy = "请用 --out 写另一个文件名，原文件保持不变"
    exit_code = 64


class NoWeights(SongdaError):
    zh = "{folder} 里没有训练好的权重（tagger.npz）"
    remedy = "请写 songda address train --out 所写的目录；不加 --weights 就用随附的权重"
    exit_code = 66


class ForeignWeights(SongdaError):
    zh = "{folder} 里的 tagger.npz 不是本版本训练的权重，或已损坏"
    remedy = "请用 songda address train 重新训练；不加 --weights 就用随附的权重"
    exit_code = 65


class NotOnePlace(SongdaError):
    zh = "读不出这个地址是哪一处"
    remedy = "请写全省、市、区县；songda address explain 会说明读出了什么"
    exit_code = 65


class NoSuchLevel(SongdaError):
    zh = "这个地址没有写到{level}"
    remedy = "请写全地址，或用 --at 写更粗的一级"
    exit_code = 65


class BadList(SongdaError):
    zh = "名单 {file} 有 {count} 处问题，没有采用"
    remedy = "请按所列的行号修改"
    exit_code = 65


class BadRule(SongdaError):
    zh = "规则写得不对：{problem}"
    remedy = "{remedy}"
    exit_code = 65


class ReasonMissing(SongdaError):
    zh = "没有写明{what}"
    remedy = "{remedy}"
    exit_code = 64

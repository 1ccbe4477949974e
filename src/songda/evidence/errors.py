"""What can go wrong with proofs. No message holds what a bundle says about a person."""

from __future__ import annotations

from songda.base.errors import SongdaError


class BadBundle(SongdaError):
    """A file that is not a bundle of ours, or that would harm whoever opens it. `reason`: Chinese."""

    zh = "这不是完好的证据包：{reason}"
    remedy = "请勿采信，也不要用其他软件解压；请向出具机构重新索取"
    exit_code = 65


class UnknownFormat(SongdaError):
    zh = "这份文件的格式（{format}）本工具不认识"
    remedy = "请使用更新的核验工具；若不是 songda 的证据包，请核对文件"
    exit_code = 65


class BadTrust(SongdaError):
    zh = "信任锚文件 {file} 无法使用（{reason}）"
    remedy = "请提供 PEM 文件：出具机构的公钥（PUBLIC KEY）或时间戳机构的证书（CERTIFICATE），可以写在同一个文件里"
    exit_code = 66


class AuthorityUnreachable(SongdaError):
    zh = "时间戳机构没有给出可用的应答（{reason}）"
    remedy = "函件照常处理；请检查机构档案 [timestamp] 的地址和网络，然后运行 songda evidence stamp 补盖"
    exit_code = 75


class UntrustedStamp(SongdaError):
    """A timestamp that does not verify. `reason`: English, for logs."""

    zh = "时间戳不成立"
    remedy = "请核对机构档案 [timestamp] 中的证书是否为该时间戳机构的根证书"
    exit_code = 65

"""What lies in a bundle for a person to read: a page in Chinese, and how to check that it is true."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from songda.evidence.links import instant, word
from songda.evidence.report import Examined
from songda.evidence.verify import grade_text

README = """送达证据包

一、内容
  summary.html        便于阅读的摘要（由出具机构生成）
  letters/函号/       函件 PDF、记录 record.json、承运商等的原始轨迹 events-*/*.json（一条一个文件，收到时的原样）及签收联照片 *.jpg
  runs/*.tsr          打印批次的可信时间戳（RFC 3161）；没有这些文件，即未加盖时间戳
  tables/             轨迹代码表：代码 → 事实 → 证明等级，以及签收用语
  rules.json          审查规则（编号、标题、来源）；记录中的决定写明当时适用了哪些
  person.json         只在按人出具的证据包中有：涉及的案件，申请过的联系许可（准、不准、理由、申报的结果）
  manifest.json       全部文件的 SHA-256 和 SM3；manifest.tsr 为其时间戳（可无），manifest.sig 为出具机构的 Ed25519 签名

二、核验（不联网，不需要出具机构的系统）
  1. 安装 Python 3.11 以上和三个库：pip install cryptography rfc3161-client orjson；取得 songda 的源代码（目录 src）
  2. 从出具机构取得公钥，从时间戳机构取得根证书，存为 PEM 文件
  3. 在目录 src 中运行：python -m songda.evidence.verify 本文件.zip --trust 公钥.pem --trust 根证书.pem
     （安装了完整系统的，运行 songda evidence verify，结论相同）
  工具逐项说明证明了什么、缺什么、证明等级；不给 --trust 时，出具人只是“自称”。
  退出码：0 完整且来源可信；2 完整但有保留；65 被改动或不成立。

三、用通用工具核对
  sha256sum 各文件，与 manifest.json 对照；
  openssl ts -verify -data manifest.json -in manifest.tsr -CAfile 根证书.pem

四、请勿解压后重新打包：核验对象是原文件的每一个字节。本包未加密，含个人信息，请用加密渠道传递，并限于承办人员阅看。
"""


def summary_html(examined: Examined, header: Mapping[str, Any], *, person: Mapping[str, Any] | None) -> bytes:
    """The page. `person`: of a bundle about one person, name, masked id_number, cases and permits to contact."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = resources.files("songda.evidence").joinpath("summary.html.j2").read_text("utf-8")
    words = {"instant": instant, "word": word, "grade_text": grade_text}
    return environment.from_string(source).render(examined=examined, header=header, person=person, **words).encode()

"""What can go wrong with a letter. No error carries personal data."""

from __future__ import annotations

from songda.base.errors import SongdaError


class BadContent(SongdaError):
    """`codes`: what `content.problems` found."""

    zh = "函件内容有误：{codes}"
    remedy = "该函件已暂缓，请核对案件数据后重新生成"
    exit_code = 65


class MissingGlyph(SongdaError):
    """`characters`: code points such as `U+31350` that no font of ours can draw."""

    zh = "函件中有无法印出的字符：{characters}"
    remedy = "该函件已暂缓；请核对姓名、地址的用字，私用区编码须换成标准汉字"
    exit_code = 65


class RenderFailed(SongdaError):
    """`reason`: the engine's words, without the data of the letter."""

    zh = "函件排版失败：{reason}"
    remedy = "该函件已暂缓，请将模板和本提示交给技术人员"
    exit_code = 70


class NotFitToPrint(SongdaError):
    """`codes`: what preflight found on the PDF."""

    zh = "函件印前检查不合格：{codes}"
    remedy = "该函件已暂缓；版式问题请改模板，其他问题请将模板和本提示交给技术人员"
    exit_code = 65


class BadTemplate(SongdaError):
    """`codes`: `line:code:what` of each error."""

    zh = "函件模板有错误：{codes}"
    remedy = "请运行 songda letters template check 文件 查看每一处的位置和改法"
    exit_code = 65


class TemplateChanged(SongdaError):
    """`kind`, `number`: a template on the shelf that is not what was taken."""

    zh = "模板 {kind} 第 {number} 版的文件被改动过"
    remedy = "请从备份恢复该文件；要改模板，请用 songda letters template import 导入新版本"
    exit_code = 65


class NotAWordFile(SongdaError):
    """`reason`: size | format."""

    zh = "不是可以读取的 Word 文件（.docx）：{reason}"
    remedy = "请用 Word 另存为“Word 文档（*.docx）”，去掉密码，不超过 20 MB"
    exit_code = 65

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


class NotAnImprint(SongdaError):
    """`reason`: unreadable | small | large | empty | full."""

    zh = "不能用作印章或签名图样：{reason_zh}"
    remedy = "请用白纸盖章或签名后扫描（300 dpi 以上，PNG、JPEG、TIFF 或 BMP），只留印迹，裁去其余内容"
    exit_code = 65

    def __init__(self, *, reason: str, reason_zh: str = "") -> None:
        super().__init__(reason=reason, reason_zh=reason_zh or _IMPRINTS_ZH[reason])


_IMPRINTS_ZH = {
    "unreadable": "不是可读的图片",
    "small": "印迹太小，最长边不足 120 点",
    "large": "图片过大，超过 5000 万点",
    "empty": "几乎没有印迹",
    "full": "印迹占满画面，可能是照片或底色不白",
}


class UnknownImprint(SongdaError):
    """`imprint`: by its SHA-256, which an approval or a profile names."""

    zh = "没有指纹为 {imprint} 的印章或签名图样"
    remedy = "请先用 songda imprint add 图片 导入，或改正机构档案中的 seal_imprint、signature_imprint"
    exit_code = 78


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

"""What can be wrong with a whole file. Fields hold headers, sheet names and counts, never what a row says."""

from __future__ import annotations

from songda.base.errors import SongdaError


class NoSuchFile(SongdaError):
    zh, remedy, exit_code = "找不到文件 {file}", "请检查路径和文件名", 66


class CannotRead(SongdaError):
    zh, remedy, exit_code = "打不开文件 {file}（{reason}）", "请检查读取权限，并关闭正在占用它的程序", 66


class CannotWrite(SongdaError):
    zh, remedy, exit_code = "写不了文件 {file}（{reason}）", "请检查目录权限和磁盘空间，然后重新运行", 73


class EmptyFile(SongdaError):
    zh, remedy, exit_code = (
        "文件 {file} 里没有案件数据",
        "请确认导出成功；空白模板可用 songda template cases.xlsx 生成",
        65,
    )


class NotAWorkbook(SongdaError):
    zh, remedy, exit_code = (
        "{file} 不是能读的表格文件（{reason}）",
        "请在表格软件中另存为 .xlsx 或 .csv（UTF-8）后重新导入",
        65,
    )


class PasswordProtected(SongdaError):
    zh, remedy, exit_code = "工作簿 {file} 设有打开密码", "请在表格软件中取消密码，另存后重新导入", 65


class TooLarge(SongdaError):
    zh, remedy, exit_code = "{file} 展开后过大（{reason}）", "请删除空白行列，或另存为 .csv 后重新导入", 65


class NoCaseSheet(SongdaError):
    zh = "{file} 里没有找到案件表（工作表：{sheets}）"
    remedy = "标题行须有案件编号、姓名、身份证号等列；格式样例可用 songda template cases.xlsx 生成"
    exit_code = 65


class UnknownEncoding(SongdaError):
    zh, remedy, exit_code = (
        "{file} 的文字编码既不是 UTF-8 也不是 GB18030",
        "请另存为 .xlsx，或另存为 UTF-8 编码的 .csv",
        65,
    )


class BrokenQuoting(SongdaError):
    zh = "{file} 从第 {row_no} 行起引号不配对，或一个单元格过长"
    remedy, exit_code = "请检查该行的英文引号，或在表格软件中另存为 .xlsx", 65


class AmbiguousColumn(SongdaError):
    zh = "“{first}”与“{second}”两列都像是“{label}”"
    remedy, exit_code = "请改名或删去其中一列，或在列对应关系中指明用哪一列", 65


class MissingColumns(SongdaError):
    zh = "案件表缺少必需的列：{missing}（没有认出的列：{unknown}）"
    remedy = "请补上这些列，或在列对应关系中指明；金额须以元为单位"
    exit_code = 65


class TooManyColumns(SongdaError):
    zh, remedy, exit_code = "“{label}”超过 {limit} 组（多出：{headers}）", "请只保留最有用的 {limit} 组", 65


class UnknownField(SongdaError):
    zh, remedy, exit_code = "列对应关系里的“{field}”不是已知的项目", "可用的项目见说明文档；不读取的列请对应为空", 78


class TooManyRows(SongdaError):
    zh, remedy, exit_code = "{file} 超过 {limit} 行", "请拆成几个文件分别导入", 65


class FileChanged(SongdaError):
    zh, remedy, exit_code = (
        "文件 {file} 与开始时不一样了",
        "请不要在导入过程中修改文件；恢复原文件后继续，或作为新文件重新导入",
        65,
    )

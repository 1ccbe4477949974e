"""What can go wrong with keys, sealed data and sealed files. No message ever holds key bytes or plaintext."""

from __future__ import annotations

from songda.base.errors import SongdaError


class Unsealable(SongdaError):
    """Sealed data that this key and context do not open: changed, cut, moved to another row, or sealed by another
    key.
    """

    zh = "密封数据无法打开({reason})"
    remedy = "数据可能被改动、截断或移位,或密钥不符;请从备份恢复,并查看审计日志"
    exit_code = 65


class PersonErased(Unsealable):
    """The person's own key was destroyed, and with it everything that it sealed."""

    zh = "该人员({person})的资料已删除,无法再打开"
    remedy = "删除不可恢复;删除的时间、原因与数量记在审计日志中(person.erased)"
    exit_code = 66


class WrongMasterKey(SongdaError):
    zh = "主密钥与数据不符(数据由主密钥 {sealed_by} 封装,现有主密钥为 {present})"
    remedy = "请提供当初使用的主密钥;没有它,数据无法恢复"
    exit_code = 78


class MasterKeyMissing(SongdaError):
    zh = "找不到主密钥文件 {path}"
    remedy = "请放回备份的主密钥文件;没有它,已有数据无法打开"
    exit_code = 78


class BadMasterKey(SongdaError):
    zh = "主密钥格式不对({source}):应为 32 字节的 base64 文本"
    remedy = "请检查是否缺字或多字;新密钥可用 `openssl rand -base64 32` 生成"
    exit_code = 78


class KeyServiceFailed(SongdaError):
    zh = "密钥服务不可用({reason})"
    remedy = "请检查 SONGDA_KEY_SERVICE 等设置、网络和服务的日志;恢复之前什么也打不开,也不会丢"
    exit_code = 69


class KeyFileExposed(SongdaError):
    zh = "主密钥文件 {path} 的权限为 {mode},别人可以读取或替换"
    remedy = "请执行 chmod {wanted} {path};若多人使用过这台机器,请视为已泄露并更换主密钥"
    exit_code = 77


class DiskFull(SongdaError):
    zh = "磁盘空间不足,无法写入 {folder}"
    remedy = "请清理磁盘或改用更大的目录后重试;未写完的内容已撤销,再次运行会接着做"
    exit_code = 74


class CannotWrite(SongdaError):
    zh = "无法写入 {folder}({reason})"
    remedy = "请检查目录是否存在、是否只读、是否有写入权限,然后重试"
    exit_code = 73


class SegmentExists(SongdaError):
    zh = "归档文件 {path} 已存在,不会覆盖"
    remedy = "归档文件只写一次,请使用新的文件名"
    exit_code = 73


class SegmentDamaged(SongdaError):
    zh = "归档文件 {path} 缺失或不完整(位置 {offset},长度 {length})"
    remedy = "请从备份恢复该文件"
    exit_code = 74

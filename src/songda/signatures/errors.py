"""What may be wrong with a key, a certificate or a signature."""

from __future__ import annotations

from songda.base.errors import SongdaError

#: Why a key or a certificate is refused → Chinese for screens.
REASONS = {
    "unreadable": "内容无法解读",
    "no key": "其中没有公钥，也没有证书",
    "no private key": "其中没有加密保存的私钥",
    "no certificate": "其中没有证书",
    "not the key's certificate": "证书与私钥不是一对",
    "weak": "RSA 密钥不足 2048 位",
    "curve": "椭圆曲线不是 P-256，也不是国密 SM2",
    "algorithm": "密钥种类不是 Ed25519、RSA、ECDSA P-256 或国密 SM2",
    "cipher": "私钥的加密方式不能识别（应为 PKCS#8 PBES2）",
    "not yet valid": "证书尚未生效",
    "expired": "证书已过有效期",
    "usage": "证书的密钥用途不含数字签名（可能误用了加密证书）",
    "authority": "这是签发机构的证书，不是持有人的证书",
    "name": "证书持有人与机构档案中的名称不符",
}


class UnfitKey(SongdaError):
    """`reason`: a key of REASONS."""

    zh = "密钥或证书不能用于签名：{reason_zh}"
    remedy = "请检查文件、有效期和持有人，必要时向证书机构换发"
    exit_code = 77

    def __init__(self, reason: str, **data: object) -> None:
        super().__init__(reason=reason, **data)

    @property
    def message_zh(self) -> str:
        return f"{self.zh.format(reason_zh=REASONS[self.data['reason']])}。{self.remedy}"


class WrongKey(SongdaError):
    """The password does not open the key, or it is another's."""

    zh = "密钥无法打开，或者不是档案中登记的那一把"
    remedy = "请检查密钥文件、口令和机构档案中的公钥或证书"
    exit_code = 77


class BadSignature(SongdaError):
    zh = "签名与内容不符"
    remedy = "内容或签名被改动过，请勿采信"
    exit_code = 65


class NoSm2(SongdaError):
    """The optional library is not installed."""

    zh = "本机没有安装国密 SM2 算法库，无法签名或核对国密签名"
    remedy = "请运行 pip install 'songda[sm2]'（或 pip install gmssl-pyx）后再试"
    exit_code = 69


class NoPades(SongdaError):
    """The optional library is not installed."""

    zh = "本机没有安装 PDF 签名库，无法签名或核对 PDF 内的签名"
    remedy = "请运行 pip install 'songda[pades]'（或 pip install pyhanko）后再试"
    exit_code = 69

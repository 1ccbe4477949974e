"""What can go wrong with a model."""

from __future__ import annotations

from songda.base.errors import SongdaError


class ForbiddenFeature(SongdaError):
    zh = "模型 {model} 不得使用特征 {feature}：{why}"
    remedy = "请对照 features.toml 中声明的特征"
    exit_code = 78


class TooLittleData(SongdaError):
    zh = "数据不足以训练模型 {model}：{what}"
    remedy = "在数据足够之前，系统按规则办理；用 songda models list 查看还差多少"
    exit_code = 65


class UnreadableModel(SongdaError):
    zh = "不能读取模型：{what}"
    remedy = "请重新训练，或指定由本系统写出的模型"
    exit_code = 65

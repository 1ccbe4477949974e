"""What can go wrong with rules, as errors that a person can act on. Their data name rules and facts, never persons."""

from __future__ import annotations

from songda.base.errors import SongdaError


class IllegalExpression(SongdaError):
    """A predicate uses something outside the rule language, or mixes types."""

    zh = "规则表达式不合规：{problem}（{source}）"
    remedy = "规则语言只允许事实、参数、比较、and/or/not、加减和登记过的函数"
    exit_code = 78


class BrokenRule(SongdaError):
    """A rule of the rule file is incomplete or contradicts itself."""

    zh = "规则 {rule} 写得不对：{problem}"
    remedy = "请修改规则文件后重新加载"
    exit_code = 78


class LooserThanRule(SongdaError):
    """A tenant's override would allow what the rule forbids."""

    zh = "机构设置放宽了规则 {rule} 的“{parameter}”（出处等级 {verified}）"
    remedy = "机构只能收紧规则，不能放宽；请改成更严格的值或删除这一项"
    exit_code = 77


class UnknownRule(SongdaError):
    zh = "没有编号为 {rule} 的规则"
    remedy = "用 songda rules list 查看全部规则"
    exit_code = 64


class UnknownGate(SongdaError):
    zh = "没有名为 {gate} 的关口"
    remedy = "关口只有：{known}"
    exit_code = 64


class UnknownScope(SongdaError):
    zh = "没有名为 {scope} 的动作种类，或有动作没有写明种类"
    remedy = "动作种类只有：{known}"
    exit_code = 64


class NoRulesHere(SongdaError):
    """No rule watches this kind of action at this gate: whoever asks there has the wrong gate."""

    zh = "关口 {gate} 对 {scope} 没有任何规则，不能据此放行"
    remedy = "请在有规则的关口检查：songda rules list"
    exit_code = 64


class NoRuleSet(SongdaError):
    zh = "{on} 没有可用的规则集"
    remedy = "规则集自 {first} 起有效，请检查日期"
    exit_code = 78


class WrongFactType(SongdaError):
    """A column of the facts frame has another type than `facts.yaml` declares: a mistake in the caller."""

    zh = "事实 {fact} 的类型是 {found}，应为 {expected}"
    remedy = "请按 facts.yaml 声明的类型提供这一事实"
    exit_code = 70


class BadActions(SongdaError):
    """The facts frame does not name its actions."""

    zh = "事实表不能用：{problem}"
    remedy = "每行一个动作，action_id 不为空且不重复"
    exit_code = 70

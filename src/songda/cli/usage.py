"""A command that was mistyped: Typer's English box as one Chinese sentence and the exit code of sysexits (64)."""

from __future__ import annotations

from typer.exceptions import TyperException

from songda.base.errors import SongdaError


class WrongUsage(SongdaError):
    zh = "命令写法不对：{what}"
    remedy = "用法和例子见 {command} --help"
    exit_code = 64


def in_chinese(error: TyperException) -> WrongUsage:
    """What is wrong with the command line. Values that were typed are not repeated: they may be persons' data."""
    command = getattr(getattr(error, "ctx", None), "command_path", "songda")
    return WrongUsage(what=_what(error), command=command)


def _what(error: TyperException) -> str:
    name = getattr(error, "option_name", None) or _parameter(error)
    match type(error).__name__:
        case "NoSuchOption":
            guesses = getattr(error, "possibilities", None) or ()
            return f"没有选项 {name}" + (f"（是不是 {'、'.join(sorted(guesses))}）" if guesses else "")
        case "MissingParameter":
            return f"缺少 {name}"
        case "BadParameter":
            return f"{name} 的值不合要求"
        case "BadOptionUsage":
            return f"选项 {name} 后面缺少值，或不该有值"
    # No such command, or more words than the command takes.
    return "没有这个子命令" if error.message.startswith("No such command") else "多出了参数"


def _parameter(error: TyperException) -> str:
    parameter = getattr(error, "param", None)
    return str(parameter.get_error_hint()).replace("'", "") if parameter is not None else "参数"

"""What the exit codes of all commands say. The reference page's table is made of it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    FAIL = 3
    NO_DATA = 4
    WARN = 5
    UNCHANGED = 6
    STOPPED = 130


MEANINGS = {
    ExitCode.OK: "The command did what it was asked for, and nothing is wrong.",
    ExitCode.REFUSED: "It refused, or what it checked is not so. The error stream says why and"
    " what to do.",
    ExitCode.USAGE: "The command line is wrong: an unknown command or option, or one is missing.",
    ExitCode.FAIL: "`drift` and `monitor`: a limit is broken. `retrain` and"
    " `tune --propose`: the new model is refused.",
    ExitCode.NO_DATA: "`drift` and `monitor`: there are too few rows to judge.",
    ExitCode.WARN: "`drift` and `monitor`: a warning, and no failure.",
    ExitCode.UNCHANGED: "`tune`: nothing improves the candidate beyond the interval.",
    ExitCode.STOPPED: "It was stopped by Ctrl-C.",
}

OF_STATUS = {
    "ok": ExitCode.OK,
    "error": ExitCode.REFUSED,
    "fail": ExitCode.FAIL,
    "no data": ExitCode.NO_DATA,
    "warn": ExitCode.WARN,
}
"""The exit code of each status that monitoring gives."""

"""How a command says that it could not do what was asked: one line why, then a hint, exit code 1 or 2."""

from typing import Final

FAILED: Final = 1
WRONG_USAGE: Final = 2


class Failure(Exception):
    """The thing asked for failed. ``reasons`` go to stderr, one line each, details of one indented; then the hint."""

    def __init__(self, *reasons: str, hint: str | None = None, code: int = FAILED) -> None:
        self.reasons = reasons
        self.hint = hint
        self.code = code
        super().__init__("; ".join(reasons))

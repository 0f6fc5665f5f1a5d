"""A clock that tests move by hand."""


class HandClock:
    """Both clocks of the port in one; waiting moves it on at once."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

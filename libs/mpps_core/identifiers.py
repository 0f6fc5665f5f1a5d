"""Random ids: unique, and nothing more. Whoever needs a secret asks the system for one."""

import os
import random
from typing import Final

# Asking the system each time gives up the interpreter lock, which costs many times what the id does under load.
_random: Final = random.Random(os.urandom(32))  # noqa: S311 - not secrets
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


def random_id(bits: int = 128) -> str:
    """Return a new id of this many random bits, a multiple of four, in hexadecimal digits."""
    return f"{_random.getrandbits(bits):0{bits // 4}x}"

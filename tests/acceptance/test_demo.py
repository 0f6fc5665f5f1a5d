"""What a newcomer sees first."""

import time

from tests.support.manager import mpps


def test_the_demo_proves_itself() -> None:
    begun = time.monotonic()
    result = mpps("demo")
    assert result.returncode == 0, result.stdout + result.stderr
    assert time.monotonic() - begun < 30
    lines = result.stdout.splitlines()
    for words in ("manager ready at", "dose answers 503", "dose is dead", "dose is well", "DISCONTINUED", "COMPLETED"):
        assert any(words in line for line in lines), words
    proofs = [line for line in lines if line.startswith("│")]
    assert len(proofs) == 3
    assert all("21 of 21" in line and "holds" in line for line in proofs)

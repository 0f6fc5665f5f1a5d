"""Random ids."""

import re
import subprocess
import sys

from mpps_core.identifiers import random_id


def test_ids_have_the_length_asked_for_and_differ() -> None:
    ids = {random_id(64) for _ in range(1000)}

    assert len(ids) == 1000
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)
    assert re.fullmatch("[0-9a-f]{32}", random_id())


_FORKING = """
import os
from mpps_core.identifiers import random_id
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, random_id().encode())
    os._exit(0)
os.wait()
print(os.read(reading, 64).decode(), random_id())
"""


def test_a_forked_process_has_ids_of_its_own() -> None:
    said = subprocess.run([sys.executable, "-c", _FORKING], check=True, capture_output=True, text=True).stdout

    child, parent = said.split()
    assert child != parent

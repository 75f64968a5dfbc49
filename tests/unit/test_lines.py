"""Lines that a command prints: whole ones, also where two threads speak at once."""

import json
import subprocess
import sys

TALK = """
import json, threading
from suyuan.commands import say_line as say
threads = [
    threading.Thread(target=lambda: [say(json.dumps({"words": "x" * 40})) for _ in range(2000)])
    for _ in range(4)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_what_a_receipt_says_and_what_the_verb_says_are_lines_of_their_own() -> None:
    # Unbuffered, as under a supervisor, every write goes out at once.
    done = subprocess.run(
        [sys.executable, "-u", "-c", TALK], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()

    assert len(lines) == 8000
    assert {json.loads(line)["words"] for line in lines} == {"x" * 40}

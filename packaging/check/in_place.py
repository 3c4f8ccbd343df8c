"""The installed command `flexpay` becomes the program: signals reach it, and there is one process.

PROGRAM, the argument, is the file that must run.
"""

import os
import signal
import subprocess
import sys
import time

expected = sys.argv[1]
command = ["flexpay", "bridge"]
process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
deadline = time.monotonic() + 60
while os.readlink(f"/proc/{process.pid}/exe") != expected:
    assert process.poll() is None, f"{command} ended with {process.returncode}"
    assert time.monotonic() < deadline, f"{expected} did not take the place of Python"
    time.sleep(0.01)
process.send_signal(signal.SIGKILL)
assert process.wait() == -signal.SIGKILL

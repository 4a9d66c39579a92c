"""`spent.py COMMAND...`: run it and print, as JSON, its seconds, processor seconds, peak bytes and last line.

A small process of its own, because a child's peak memory starts at that of the process that starts it.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run the command and measure it."""
    started = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
    assert process.stdout
    written = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    lines = written.decode().strip().splitlines()
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"seconds": seconds, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * unit}
    print(json.dumps(found | {"last": lines[-1] if lines else ""}))
    sys.exit(os.waitstatus_to_exitcode(status))


main()

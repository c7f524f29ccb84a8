"""Tells, for one release, how to call the command line now: `python -m cli`."""

import shlex
import sys

if __name__ == "__main__":
    command = shlex.join([sys.orig_argv[0], "-m", "cli", *sys.argv[1:]])
    sys.stderr.write(f"The command line is no longer `python -m shared`. Say: {command}\n")
    sys.exit(2)

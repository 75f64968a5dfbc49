"""Runs the import contracts and prints what broke, without the banner."""

import subprocess
import sys

done = subprocess.run(
    [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
    capture_output=True,
    text=True,
    check=False,
)
if done.returncode:
    sys.stderr.write(done.stdout[done.stdout.find("Contracts") :] + done.stderr)
sys.exit(done.returncode)

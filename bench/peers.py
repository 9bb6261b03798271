"""SkyPilot, from its published package, in a folder of its own below build/."""

import functools
import os
import subprocess
import sys
import tempfile

from isobar import ROOT, median_ms, process_ms

FOLDER = ROOT / "build/bench-peers"


@functools.cache
def version():
    """The version that can be run here, installed if need be; or why there is none."""
    python = FOLDER / "bin/python"
    asked = [python, "-c", "import importlib.metadata; print(importlib.metadata.version('skypilot'))"]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    if subprocess.run(asked, capture_output=True).returncode != 0:
        subprocess.run([FOLDER / "bin/pip", "install", "-q", "skypilot"], stderr=subprocess.DEVNULL)
    found = subprocess.run(asked, capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def timed(words, repetitions=7):
    """The columns of a Row that say how long the peer takes; words[0] is a program of its environment."""
    if version() is None:
        return {"peer": "SkyPilot: the package could not be installed"}
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
        try:
            took = median_ms(lambda: process_ms([FOLDER / words[0], *words[1:]], environment), repetitions)
        except RuntimeError:
            return {"peer": f"SkyPilot {version()}: does not do it alone"}
    return {"peer": f"SkyPilot {version()}", "peer_measured": took}

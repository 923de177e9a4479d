"""``python -m umbel.integrations.celery`` prints the directory that, in PYTHONPATH, makes umbel stand for Celery."""

from __future__ import annotations

import sys

from .install import PATH

if __name__ == "__main__":
    sys.stdout.write(f"{PATH}\n")

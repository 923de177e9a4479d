"""`python -m umbel_crawler`."""

from __future__ import annotations

from .cli import main

main(prog_name="umbel-crawler")

"""Exit codes, those of sysexits.h where it has one (`os.EX_*` is not on every system)."""

from __future__ import annotations

from typing import Final

NO: Final = 1
WRONG_INPUT: Final = 64
NOT_FOUND: Final = 66
UNAVAILABLE: Final = 69
OWN_ERROR: Final = 70
CANNOT_CREATE: Final = 73
INTERRUPTED: Final = 130

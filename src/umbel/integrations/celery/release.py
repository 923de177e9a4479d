"""Which Celery umbel stands for: the release whose names, settings and messages it has, and its companions'."""

from __future__ import annotations

from typing import Final, NamedTuple


class version_info_t(NamedTuple):  # noqa: N801 - Celery's name
    """A version in its parts."""

    major: int
    minor: int
    micro: int
    releaselevel: str
    serial: str


VERSIONS: Final = {"celery": "5.7.0", "kombu": "5.7.0", "billiard": "4.3.2"}
"""Package -> the version that `importlib.metadata.version` answers while umbel stands for it."""

CELERY: Final = VERSIONS["celery"]
SERIES: Final = "5.7"
BANNER: Final = f"{CELERY} (umbel)"
CELERY_INFO: Final = version_info_t(5, 7, 0, "", "")
KOMBU: Final = VERSIONS["kombu"]
KOMBU_INFO: Final = version_info_t(5, 7, 0, "", "")
BILLIARD: Final = VERSIONS["billiard"]
BILLIARD_INFO: Final = (4, 3, 2)

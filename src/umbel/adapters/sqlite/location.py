"""Where a store may live: a local file system, a folder of this user, a file of its own."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Final

from ...exceptions import OperationalError, StoreFull, StoreReadOnly, StoreUnavailable, StoreUnsuitable

_NETWORK: Final = re.compile(
    r"(nfs\d?|cifs|smb\d?|smbfs|smb3|9p|afs|afpfs|ncpfs|ceph|glusterfs|lustre|gpfs|ocfs2|gfs2|beegfs|webdav|davfs|drvfs"
    r"|virtiofs|fuse\.(sshfs|s3fs|glusterfs|ceph.*|gcsfuse|rclone|davfs.*|smb.*|nfs.*|blobfuse.*))"
)
_MOUNTS: Final = "/proc/self/mountinfo"


def prepare(path: str, mounts: str = _MOUNTS) -> None:
    """Make sure that a store can be kept at ``path``: creates its folder (0700) and its file (0600) when missing.

    The file must not be opened and closed by anything but SQLite once a connection to it exists in this process: that
    would drop the locks of all its connections. Hence it is created exclusively, or not touched.

    Args:
        path: absolute.
        mounts: the system's table of mounts; missing on systems without one, where nothing is refused.

    Raises:
        StoreUnsuitable: the file system is a network's.
        StoreUnavailable, StoreReadOnly, StoreFull: the folder or file cannot be made.
    """
    folder = Path(path).parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, error) from error
    kind = file_system(str(folder.resolve()), mounts)
    if kind and _NETWORK.fullmatch(kind):
        raise StoreUnsuitable(
            f"{path} is on a network file system ({kind}), where locks cannot be trusted. Put it on a local disk, "
            "or use a broker that is made for several machines."
        )
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not Path(path).is_file():
            raise StoreUnavailable(f"{path} is not a file. Name a file in the URL.") from None
        if not os.access(path, os.R_OK):
            raise StoreUnavailable(f"{path} cannot be read. Give this user permission to it.") from None
    except OSError as error:
        raise _refused(Path(path), error) from error


def _refused(path: Path, error: OSError) -> OperationalError:
    if error.errno == errno.EROFS:
        return StoreReadOnly(f"{path} cannot be made: its file system is read-only. Name another place in the URL.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"{path} cannot be made: its disk is full. Free space on it, then repeat.")
    return StoreUnavailable(f"{path} cannot be made ({error.strerror}). Check the permissions of its folder.")


def file_system(folder: str, mounts: str = _MOUNTS) -> str:
    """Kind of the file system that ``folder`` is on, "" when the system does not tell.

    Example:
        >>> file_system("/proc")  # doctest: +SKIP
        'proc'
    """
    try:
        lines = Path(mounts).read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), left.split(" ")[4])
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ", 1)[0]
    return kind

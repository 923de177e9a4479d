"""The WARC archive: one file a storage process, so that nobody writes into another's.

A report that is delivered again is archived again only when the process died between the archive and the database;
readers of WARC files are used to duplicates.
"""

from __future__ import annotations

import base64
import os
import socket
from datetime import UTC, datetime
from http.client import responses
from io import BytesIO
from pathlib import Path

from .messages import Report


def append(report: Report, folder: Path) -> Path:
    """Write one response.

    Args:
        report: with its headers and body.
        folder: where the archives of this crawl are; made when it is not there.

    Returns:
        The archive's file.
    """
    # warcio is an extra, and only a storage node of a crawl with --warc needs it.
    from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]
    from warcio.warcwriter import WARCWriter  # type: ignore[import-untyped]

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{socket.gethostname()}-{os.getpid()}.warc.gz"
    body = base64.b64decode(report.body)
    # The body is kept unpacked, so the headers that spoke of the packed one would be wrong.
    left_out = {"content-encoding", "transfer-encoding", "content-length"}
    head = [(name, value) for name, value in report.head if name.lower() not in left_out]
    head.append(("Content-Length", str(len(body))))
    with path.open("ab") as stream:
        writer = WARCWriter(stream, gzip=True)
        record = writer.create_warc_record(
            report.url,
            "response",
            payload=BytesIO(body),
            length=len(body),
            http_headers=StatusAndHeaders(
                f"{report.status} {responses.get(report.status, '')}", head, protocol="HTTP/1.1"
            ),
            warc_headers_dict={"WARC-Date": datetime.fromtimestamp(report.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
        )
        writer.write_record(record)
    return path

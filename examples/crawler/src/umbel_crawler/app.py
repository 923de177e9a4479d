"""The umbel app. Start a worker for a role with

    umbel -A umbel_crawler.app worker -Q frontier -n scheduler@%h -c 1
    umbel -A umbel_crawler.app worker -Q crawl    -n crawler1@%h  -c 1
    umbel -A umbel_crawler.app worker -Q storage  -n storage@%h   -c 1

``UMBEL_CRAWLER_BROKER`` is the store's URL (none: umbel's own file on this machine), ``UMBEL_CRAWLER_DATA`` the folder
of the crawls, which scheduler and storage nodes share.
"""

from __future__ import annotations

import os

from umbel import Umbel

app = Umbel(
    "umbel_crawler",
    broker=os.environ.get("UMBEL_CRAWLER_BROKER") or None,
    include=["umbel_crawler.tasks"],
)
app.conf.update(
    task_ignore_result=True,  # what a task finds is in the crawl's file
)

"""A chain in segments whose steps Celery's workers run: they send the link on, to a queue that umbel serves."""

from __future__ import annotations

from tests.support.shop import Shop

CLIENT = """
from with_umbel import add, app
from umbel import chain
from umbel.canvas import segments

segments.MOST = 8_000
app.conf.task_routes = {"umbel.continue": "of-umbel"}
steps = [add.s(0, 1), *(add.s(1) for _ in range(79))]
result = chain([step.set(queue="of-celery") for step in steps]).delay()
print(result.get(timeout=60))
"""


def test_celerys_workers_send_the_link_on(project, url, link):
    shop = Shop(project, url, url)
    shop.celery_worker("-Q", "of-celery")
    umbel = shop.umbel_worker("-Q", "of-umbel")
    said = shop.project.client(CLIENT, timeout=90)
    assert said.stdout == "80\n", said
    assert umbel.output().count("umbel.continue[") > 1

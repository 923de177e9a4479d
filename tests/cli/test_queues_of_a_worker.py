"""Which queues a worker consumes: `-Q`, else `task_queues`, else the default queue, and `-X` leaves some out."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.support.until import until
from umbel import Umbel
from umbel.cli.worker import merge
from umbel.exceptions import ImproperlyConfigured, QueueNotFound
from umbel.routing import Broadcast, Exchange, Queue
from umbel.testing.worker import InProcessWorker


class Named(NamedTuple):
    name: str
    routing_key: str


FORMS = [
    ["mail", "reports"],
    ("mail", {"name": "reports", "durable": True}),
    [Named("mail", "mail.#"), Named("reports", "reports")],
    [Queue("mail", Exchange("topics", "topic"), "mail.#"), Broadcast("news", queue="reports")],
    {"mail": {"exchange": "mail"}, "reports": {}},
]
LINE = {
    "hostname": None, "pool": None, "concurrency": "1", "queues": (), "exclude_queues": (), "time_limit": None,
    "soft_time_limit": None, "max_tasks_per_child": None, "max_memory_per_child": None, "prefetch_multiplier": None,
    "disable_prefetch": False, "pool_start_method": None, "include": (), "overrides": (), "task_events": False,
    "without_heartbeat": False, "heartbeat_interval": None, "autoscale": None,
}  # fmt: skip


def consumed(*, q=(), x=(), **settings):
    app = Umbel("queues", set_as_current=False, **settings)
    return merge(app, {**LINE, "queues": q, "exclude_queues": x}).queues


@pytest.mark.parametrize("form", FORMS)
def test_those_of_the_settings(form):
    assert consumed(task_queues=form) == ("mail", "reports")


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_the_default_queue_when_the_settings_name_none(nothing):
    assert consumed(task_queues=nothing, task_default_queue="usual") == ("usual",)


def test_the_line_chooses_among_and_beyond_them():
    assert consumed(task_queues=["mail", "reports"], q=("reports", "more")) == ("reports", "more")


def test_some_can_be_left_out():
    assert consumed(task_queues=["mail", "reports"], x=("mail", "unheard-of")) == ("reports",)
    assert consumed(q=("mail", "reports"), x=("reports",)) == ("mail",)


def test_leaving_all_out_is_a_mistake():
    with pytest.raises(ImproperlyConfigured, match="-X leaves no queue to consume"):
        consumed(x=("celery",))


def test_a_queue_that_must_be_declared_is_refused():
    with pytest.raises(QueueNotFound, match="no queue 'more' in task_queues"):
        consumed(task_queues=["mail"], task_create_missing_queues=False, q=("mail", "more"))


def test_an_alias_stands_for_its_queue():
    both = [Queue("mail"), Broadcast("news", queue="news.web")]
    assert consumed(task_queues=both, q=("news",)) == ("news.web",)
    assert consumed(task_queues=both, x=("news",)) == ("mail",)


def test_a_queue_for_each_worker_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"Broadcast\('news'\) means a queue for each worker"):
        consumed(task_queues=[Queue("mail"), Broadcast("news")])


@pytest.mark.parametrize("form", ["mail", 5, [""], [{}], [None]])
def test_another_form_is_refused(form):
    with pytest.raises(ImproperlyConfigured, match="task_queues must be a list"):
        consumed(task_queues=form)


def test_a_worker_runs_what_is_in_them(shop, working):
    shop.write("two.py", "from shop import app\napp.conf.task_queues = ['celery', 'mail']\n")
    worker = working("-c", "1", app="two")
    assert "queues   celery, mail" in worker.output()
    done = shop.umbel("-q", "-A", "shop", "call", "shop.add", "-a", "[2, 3]", "--queue", "mail", "--wait", "10")
    assert done.stdout.splitlines()[1:] == ["5"]
    assert worker.stop() == 0


def test_a_worker_of_a_strange_queue_ends_with_a_sentence(shop, umbel):
    shop.write(
        "two.py",
        "from shop import app\napp.conf.update(task_queues=['mail'], task_create_missing_queues=False)\n",
    )
    for line in (("worker", "-Q", "mial"), ("call", "shop.add", "-a", "[1, 2]", "--queue", "mial")):
        said = umbel("-A", "two", *line)
        assert (said.code, said.out) == (64, "")
        assert said.err == (
            "umbel: There is no queue 'mial' in task_queues (it has 'mail'), and task_create_missing_queues is off.\n"
        )


def test_a_worker_runs_what_an_exchange_brings(shop, working):
    shop.write(
        "two.py",
        "from shop import app\nfrom umbel.routing import Exchange, Queue\n"
        "media = Exchange('media', 'topic')\n"
        "app.conf.task_queues = [Queue('video', media, 'media.video.#'), Queue('all', media, '#')]\n"
        "@app.task(name='two.where', bind=True)\n"
        "def where(self):\n"
        "    with open('ran', 'a') as file:\n"
        "        print(self.request.came_from, self.request.delivery_info['routing_key'], file=file)\n",
    )
    worker = working("-c", "1", app="two")
    way = ("--exchange", "media", "--routing-key", "media.video.mp4")
    sent = shop.umbel("-q", "-A", "two", "call", "two.where", *way, "--wait", "10")
    assert sent.returncode == 0
    ran = shop.folder / "ran"
    expected = ["all media.video.mp4", "video media.video.mp4"]
    until(lambda: ran.exists() and sorted(ran.read_text().splitlines()) == expected, timeout=10)
    assert worker.stop() == 0


def test_purge_takes_them_too(shop, umbel):
    shop.write("two.py", "from shop import app\napp.conf.task_queues = ['celery', 'mail']\n")
    assert umbel("-A", "two", "purge", "-f", "--json").data == {"purged": 0, "queues": ["celery", "mail"]}


def test_purge_knows_aliases(shop, umbel):
    shop.write(
        "two.py",
        "from shop import app\nfrom umbel.routing import Broadcast, Queue\n"
        "app.conf.task_queues = [Queue('mail'), Broadcast('news', queue='news.web')]\n",
    )
    assert umbel("-A", "two", "purge", "-f", "--json", "-Q", "news").data == {"purged": 0, "queues": ["news.web"]}
    assert umbel("-A", "two", "purge", "-f", "--json", "-X", "news").data == {"purged": 0, "queues": ["mail"]}
    assert umbel("-A", "two", "report", "--json").data["settings"]["task_queues"][0] == {"name": "mail"}


def test_the_worker_of_a_test_consumes_them_too():
    app = Umbel("queues", set_as_current=False, broker="memory://queues-of-a-test", task_queues=["mail"])
    with app, InProcessWorker(app) as worker:
        assert worker.options.queues == ("mail",)

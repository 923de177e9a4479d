"""A result store of its own that no server tidies: the supervisors of its workers do."""

from __future__ import annotations

from contextlib import closing

from umbel import Umbel, clock
from umbel.ids import new_id
from umbel.loading import open_broker
from umbel.message import Parcel
from umbel.record import Record
from umbel.worker.housekeeper import Housekeeper


def tidied(app):
    """How much one supervisor removes."""
    with closing(app.broker.owners()) as owners, closing(Housekeeper(app, owners)) as housekeeper:
        return housekeeper.tidy()


def test_expired_results_go_from_a_file_beside_another_broker(tmp_path):
    with Umbel("kept", broker=f"memory://{new_id()}", backend=f"sqlite:///{tmp_path}/results.db") as app:
        app.backend().store([Record("old", "SUCCESS", b"{}", clock.wall() - 1), Record("new", "SUCCESS", b"{}")])
        assert (tidied(app), tidied(app)) == (1, 0)
        assert sorted(app.backend().fetch(["old", "new"])) == ["new"]


def test_messages_of_others_in_that_file_stay(tmp_path):
    url = f"sqlite:///{tmp_path}/results.db"
    other = open_broker(url, {})
    with Umbel("kept", broker=f"memory://{new_id()}", backend=url) as app, closing(other.shelf()) as shelf:
        app.conf.result_max_count = 1
        with closing(other.publisher()) as publisher:
            publisher.publish([Parcel("q", "a", "t", b"{}", b"[]")])
        for name in "abc":
            app.backend().store([Record(name, "SUCCESS", b"{}")])
        assert tidied(app) == 2
        assert [count.ready for count in shelf.counts()] == [1]


def test_a_server_does_it_by_itself(tmp_path):
    with Umbel("kept", broker=f"sqlite:///{tmp_path}/queue.db", backend="redis://localhost:1/0") as app:
        assert tidied(app) == 0


def test_one_store_is_tidied_once(tmp_path):
    with Umbel("kept", broker=f"sqlite:///{tmp_path}/queue.db") as app:
        app.backend().store([Record("old", "SUCCESS", b"{}", clock.wall() - 1)])
        assert (tidied(app), tidied(app)) == (1, 0)

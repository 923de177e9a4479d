"""Who is waited for when a question goes to all workers."""

from __future__ import annotations

import json
import threading
from contextlib import closing

from umbel import Umbel, clock
from umbel.broker import Owner
from umbel.control import Control
from umbel.ids import new_id, nonce


def test_an_answer_of_somebody_else_is_none_of_a_worker_that_is_waited_for():
    """Celery's workers answer too, and stand in no record of the store."""
    with Umbel("asking", broker=f"memory://{new_id()}") as app:
        taken, answers = threading.Event(), []

        def answer():
            with closing(app.broker.control()) as control:
                [asked] = control.broadcasts(0, 20)
                ticket = json.loads(asked.payload)["ticket"]
                control.reply(ticket, b'{"celery@there": {"ok": "pong"}}', clock.wall() + 20)
                taken.wait(20)
                control.reply(ticket, b'{"umbel@here": {"ok": "pong"}}', clock.wall() + 20)

        def noted(said):
            answers.append(said)
            taken.set()

        thread = threading.Thread(target=answer)
        thread.start()
        with closing(app.broker.owners()) as owners:
            owners.enlist(Owner(nonce(), "umbel@here", 1, "supervisor", clock.wall()))
            with Control(app) as control:
                said = control.ping(timeout=20, callback=noted)
        thread.join()
    assert said == answers == [{"celery@there": {"ok": "pong"}}, {"umbel@here": {"ok": "pong"}}]

"""A camera is stepped by its timer: pictures, their rate, and what is forgotten after them."""

from __future__ import annotations

import threading

import pytest

from umbel import Umbel
from umbel.events.snapshot import Polaroid
from umbel.testing.clock import moved_clock
from umbel.utils.timer import Ticking, Timer


class Camera(Polaroid):
    """Notes what it sees."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def on_shutter(self, state):
        self.seen.append([task.state for _, task in state.tasks_by_time()])

    def on_cleanup(self):
        self.seen.append("cleanup")


@pytest.fixture
def app():
    with Umbel("camera", broker="memory://camera", set_as_current=False) as made:
        yield made


def told(state, uuid: str, kind: str) -> None:
    state.event({
        "type": f"task-{kind}", "uuid": uuid, "hostname": "w@h", "timestamp": 1.0, "local_received": 1.0, "clock": 1,
        "name": "add",
    })  # fmt: skip


def test_pictures_at_their_times(app: Umbel):
    timer, state = Timer(), app.events.State()
    with moved_clock() as clock:
        camera = Camera(state, freq=2.0, cleanup_freq=7.0, timer=timer, app=app)
        with camera:
            for _ in range(4):
                clock.advance(2)
                timer.turn()
            assert camera.seen in ([[], [], [], "cleanup", []], [[], [], [], [], "cleanup"])
            told(state, "a", "succeeded")
        assert camera.seen[-1] == ["SUCCESS"]  # the last picture
        clock.advance(20)
        timer.turn()
        assert len(camera.seen) == 6


def test_no_more_than_its_rate(app: Umbel):
    with moved_clock() as clock:
        camera = Camera(app.events.State(), maxrate="6/m", timer=Timer(), app=app)
        for _ in range(5):
            camera.capture()
            clock.advance(4)
        assert len(camera.seen) == 2


def test_what_has_ended_is_forgotten(app: Umbel):
    state = app.events.State()
    told(state, "a", "succeeded")
    told(state, "b", "started")
    Camera(state, timer=Timer(), app=app).capture()
    assert len(state.tasks) == 2
    camera = Camera(state, timer=Timer(), app=app)
    camera.clear_after = True
    camera.capture()
    assert [*state.tasks] == ["b"]


def test_signals_of_a_camera(app: Umbel):
    heard = []
    camera = Camera(app.events.State(), timer=Timer(), app=app)

    def shutter(sender, **kwargs):
        heard.append(("shutter", sender is camera.state))

    def cleanup(sender, **kwargs):
        heard.append(("cleanup", sender is camera.state))

    Polaroid.shutter_signal.connect(shutter)
    Polaroid.cleanup_signal.connect(cleanup)
    camera.capture()
    camera.cleanup()
    assert heard == [("shutter", True), ("cleanup", True)]


def test_a_timer_with_a_thread_of_its_own():
    timer, rung = Ticking(), threading.Event()
    timer.call_after(60.0, rung.clear)
    timer.call_repeatedly(0.01, rung.set)
    assert rung.wait(10)
    timer.stop()
    rung.clear()
    timer.turn()
    assert len(timer) == 2

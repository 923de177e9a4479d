"""One connection to a real RabbitMQ: answers, deadlines, what happens when it breaks."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.amqp.cut import cut
from tests.support import servers
from tests.support.processes import state
from tests.support.until import until
from umbel import clock
from umbel.adapters.amqp import pulse
from umbel.adapters.amqp.address import Address
from umbel.adapters.amqp.faults import Refused, StoreAway, Unanswered, Unfit
from umbel.adapters.amqp.link import Link
from umbel.exceptions import OperationalError, StoreUnavailable, StoreUnsuitable
from umbel.testing.clock import moved_clock


def linked(url, **options):
    return Link(Address.parse(url, options), "test")


@pytest.fixture
def link(url):
    link = linked(url)
    yield link
    link.close()


@pytest.fixture
def silent():
    """A port where somebody accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def connections(rabbitmq):
    return int(rabbitmq.eval("length(rabbit_networking:connections_local())."))


def declare(link, name, **options):
    return link.ask(lambda channel, reply: channel.queue_declare(name, callback=reply, **options), link.until())


def look(link, name, *, aside=False):
    return link.ask(
        lambda channel, reply: channel.queue_declare(name, passive=True, callback=reply), link.until(), aside=aside
    )


def test_a_request_is_answered(link):
    declare(link, "q", durable=True)
    assert look(link, "q").message_count == 0
    assert link.life == 1


def test_whoever_moves_the_clock_moves_no_server(link):
    with moved_clock() as hands:
        channel = link.channel(link.until())
        hands.advance(30 * 86_400)
        assert link.age < 5
        assert link.channel(link.until()) is channel


def test_a_refused_request_costs_a_channel_aside_only(link):
    channel = link.channel(link.until())
    with pytest.raises(Refused, match="nobody") as caught:
        look(link, "nobody", aside=True)
    assert (caught.value.code, isinstance(caught.value, OperationalError)) == (404, True)
    assert link.channel(link.until()) is channel
    assert link.life == 1


def test_a_part_s_own_channel_is_opened_again_when_the_server_closed_it(link):
    link.channel(link.until())
    with pytest.raises(Refused):
        look(link, "nobody")
    declare(link, "q", durable=True)
    assert link.life == 2


def test_another_declaration_is_refused_with_a_sentence(link):
    declare(link, "q", durable=True)
    with pytest.raises(Unfit, match="declared otherwise"):
        declare(link, "q", durable=False)


def test_a_lost_connection_is_opened_again_at_the_next_use(link):
    declare(link, "q", durable=True)
    cut(link)
    look(link, "q")
    assert link.life == 2


def test_a_call_under_way_fails_when_the_connection_breaks(link):
    link.channel(link.until())
    threading.Timer(0.2, cut, [link]).start()
    with pytest.raises(StoreUnavailable, match="closed the connection"):
        link.drive(lambda: False, link.until(30))
    assert link.channel(link.until()).is_open


def test_a_farewell_of_the_server_is_seen_at_the_next_use(link, rabbitmq):
    declare(link, "q", durable=True)
    rabbitmq.eval('[rabbit_networking:close_connection(P, "test") || P <- rabbit_networking:connections_local()].')
    until(lambda: link._connection is None or link._connection.is_closed or not link._connected(), timeout=20)
    assert look(link, "q").message_count == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda url: url.replace("guest:guest@", "guest:wr0ng@"), "user name or password"),
        (lambda url: url + "-none", "virtual host"),
    ],
)
def test_who_is_not_let_in_is_told_why(url, change, word):
    with pytest.raises(StoreUnavailable, match=word) as caught:
        linked(change(url)).channel(clock.monotonic() + 5)
    assert "wr0ng" not in str(caught.value)


def test_nobody_there_is_told_at_once():
    port = servers.free_port()
    before = clock.monotonic()
    with pytest.raises(StoreUnavailable, match="refused"):
        linked(f"amqp://127.0.0.1:{port}//").channel(before + 30)
    assert clock.monotonic() - before < 10


def test_what_was_to_go_out_when_the_connection_broke_is_no_error_of_a_stranger(url, monkeypatch):
    """pika lets go of the socket in the middle of a step, in which acknowledgements may have been added."""
    link = linked(url)
    link.channel(clock.monotonic() + 20)
    connection, step = link._connection, link._connection._loop.step

    def step_and_speak(*arguments):
        woken = step(*arguments)
        connection._out.append(b"late")
        return woken

    monkeypatch.setattr(connection._loop, "step", step_and_speak)
    cut(link)
    with pytest.raises(StoreUnavailable):
        link.drive(lambda: False, clock.monotonic() + 20)


def test_tls_where_none_is_spoken_is_told_so(url):
    with pytest.raises(StoreUnsuitable, match="does not speak TLS; write amqp://"):
        linked(url.replace("amqp://", "amqps://")).channel(clock.monotonic() + 10)


def test_who_speaks_something_else_is_told_so():
    def answer(listener):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with pytest.raises(StoreUnsuitable, match="AMQP"):
            linked(f"amqp://127.0.0.1:{listener.getsockname()[1]}//").channel(clock.monotonic() + 10)
        thread.join()


def hang_up(listener):
    listener.accept()[0].close()


def test_a_cut_before_the_first_word_is_an_outage_and_no_wrong_server():
    """A server that is just starting, or a proxy, does the same as a port for TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(hang_up, listener)
        link = linked(f"amqp://127.0.0.1:{listener.getsockname()[1]}//")
        with pytest.raises(StoreAway, match=r"closed the connection before it said a word.*amqps://"):
            link.channel(link.until())
        link.close()


def test_a_silent_server_is_given_up_at_the_deadline(silent):
    link = linked(f"amqp://127.0.0.1:{silent}//")
    before = clock.monotonic()
    with pytest.raises(StoreUnavailable, match="deadline"):
        link.channel(before + 0.3)
    assert 0.25 < clock.monotonic() - before < 5


def test_the_next_server_is_tried(url, silent):
    """Row 14 of tests/pains."""
    link = linked(f"amqp://127.0.0.1:{silent}//;amqp://127.0.0.1:{servers.free_port()}//;{url}")
    declare(link, "q", durable=True)
    cut(link)
    assert link._first == 2  # the one that answered is asked first
    look(link, "q")
    link.close()


def test_nothing_is_left_of_a_connection_that_was_not_made(silent):
    before = open_files()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            with pytest.raises(StoreUnavailable):
                linked(f"amqp://127.0.0.1:{silent}//").channel(clock.monotonic() + 0.05)
            with pytest.raises(StoreUnavailable):
                linked(f"amqp://127.0.0.1:{servers.free_port()}//").channel(clock.monotonic() + 1)
        gc.collect()
    assert open_files() == before


def test_nothing_is_left_of_a_closed_link(url):
    before = open_files()
    link = linked(url)
    declare(link, "q", durable=True)
    link.close()
    link.close()
    assert open_files() == before
    look(link, "q")
    link.close()


def test_a_wake_descriptor_ends_a_wait(link):
    link.channel(link.until())
    read, write = os.pipe()
    os.write(write, b"x")
    before = clock.monotonic()
    assert link.drive(lambda: False, before + 30, read) is False
    assert clock.monotonic() - before < 10
    os.close(read)
    os.close(write)


def test_heartbeats_go_on_while_nobody_uses_it(url):
    """The server would close it after two seconds; the pulse is what speaks meanwhile."""
    link = linked(url, heartbeat=1)
    declare(link, "q", durable=True)
    connection = link._connection
    start = clock.monotonic()
    until(lambda: clock.monotonic() - start > 5, timeout=20, step=0.1)
    assert link._connection is connection
    assert connection.is_open
    assert link.age < 4
    look(link, "q")
    assert link.life == 1
    link.close()


def test_without_the_pulse_the_server_ends_it(url, rabbitmq, monkeypatch):
    """What makes the test above worth something."""
    monkeypatch.setattr(Link, "beat", lambda _: None)
    before = connections(rabbitmq)
    link = linked(url, heartbeat=1)
    declare(link, "q", durable=True)
    assert connections(rabbitmq) == before + 1
    until(lambda: connections(rabbitmq) == before, timeout=20, step=0.1)
    link.drop("it is over")


@pytest.mark.chaos
def test_a_stopped_server_is_dropped_after_twice_the_heartbeat(own_rabbitmq):
    link = linked(own_rabbitmq.url, heartbeat=1)
    declare(link, "q", durable=True)
    os.kill(own_rabbitmq.pid, signal.SIGSTOP)
    until(lambda: state(own_rabbitmq.pid) == "T")  # it has many threads, and one of them could still answer
    try:
        before = clock.monotonic()
        with pytest.raises(Unanswered):
            link.ask(lambda channel, reply: channel.queue_declare("q", passive=True, callback=reply), before + 0.5)
        assert clock.monotonic() - before < 3
        with pytest.raises(StoreUnavailable, match="silent"):
            link.drive(lambda: False, clock.monotonic() + 30)
    finally:
        os.kill(own_rabbitmq.pid, signal.SIGCONT)
    until(lambda: declared(link, "q"), timeout=30)
    link.close()


def declared(link, name):
    try:
        return look(link, name)
    except OperationalError:
        return None


def test_threads_may_use_one_link_in_turns(link):
    declare(link, "q", durable=True)
    found = []

    def ask_often():
        found.extend(look(link, "q").message_count for _ in range(30))

    threads = [threading.Thread(target=ask_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 120
    assert link.life == 1


def test_a_forked_child_lets_go_of_the_parent_s_connection(link):
    declare(link, "q", durable=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            assert link._connection is None
            look(link, "q")
            link.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    look(link, "q")
    assert link.life == 1


def test_a_fork_in_the_middle_of_a_call_is_safe(link):
    """Whoever held the lock does not exist in the child."""
    link.channel(link.until())
    entered, over = threading.Event(), threading.Event()

    def hold():
        with link:
            entered.set()
            over.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(20)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            declare(link, "q", durable=True)
            link.close()
            code = 0
        finally:
            os._exit(code)
    over.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_one_thread_keeps_all_links_alive(url):
    links = [linked(url) for _ in range(5)]
    for link in links:
        link.channel(link.until())
    assert [thread.name for thread in threading.enumerate()].count("umbel-amqp-pulse") == 1
    assert set(links) <= set(pulse._links)
    for link in links:
        link.close()


def test_pika_says_nothing_of_what_is_raised(caplog):
    with pytest.raises(StoreUnavailable):
        linked(f"amqp://127.0.0.1:{servers.free_port()}//").channel(clock.monotonic() + 2)
    assert caplog.text == ""


def test_the_age_of_no_connection_is_infinite(url):
    link = linked(url)
    assert link.age == float("inf")
    link.channel(link.until())
    assert link.age < 5
    link.close()

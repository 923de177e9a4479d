"""A virtual host for each test on the node of the session, or a node of a test's own to be hurt."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.amqp.lab import AmqpLab
from tests.support.rabbitmq import rabbitmq_server


@pytest.fixture
def url(rabbitmq):
    """URL of an empty virtual host."""
    with rabbitmq.place() as url:
        yield url


@pytest.fixture
def own_rabbitmq(tmp_path_factory):
    """A node of this test alone, to be stopped, killed and started again."""
    with rabbitmq_server(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture
def lab(rabbitmq):
    """A virtual host of its own, as the conformance suites want it."""
    lab = AmqpLab(rabbitmq)
    yield lab
    lab.close()


@pytest.fixture
def publisher(lab):
    """Of that host."""
    with closing(lab.broker().publisher()) as publisher:
        yield publisher

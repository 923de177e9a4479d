"""A database of a real server as the conformance suites want it."""

from __future__ import annotations

import itertools
import time
from contextlib import closing

import msgspec

from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.layout import Layout
from umbel.adapters.redis.link import Link

FOR_EVER = 10**12

_numbers = itertools.count()


class RedisLab:
    """A store under a key prefix of its own.

    Its owners have a lease that does not end until they are killed, so that no check depends on how long it takes;
    leases that do end, and processes that are really killed, have their own tests.
    """

    patience = 5.0
    histories = 20
    many = 3000

    def __init__(self, url, options=None):
        self.url = url
        self.options = options or {"global_keyprefix": f"lab{next(_numbers)}:"}
        self.address = Address.parse(url, self.options)
        self.layout = Layout.of(self.address, self.options)
        self.link = Link(self.address)

    def broker(self, **options):
        return open_broker(self.url, {**self.options, **options})

    def backend(self):
        return RedisBackend(self.address)

    def enlist(self, owner):
        words = (owner.nonce, msgspec.json.encode(owner), FOR_EVER)
        with closing(Link(self.address)) as link:  # also called by threads, and one connection is for one thread
            link.script("enlist", (self.layout.prefix,), words)

    def kill(self, owner):
        """Its lease is over, and looks for the dead were made all the time."""
        own = self.layout.own
        self.link.call("ZADD", own("alive"), "XX", 1, owner.nonce)
        self.link.call("DEL", own("calm"))
        self.link.call("SET", own("sweep"), int(time.time() * 1000))

    def fresh(self):
        return RedisLab(self.url)

    def close(self):
        self.link.close()

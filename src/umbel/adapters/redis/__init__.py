"""The Redis room: a queue and its results in one server, in Celery's own layout where Celery has one.

address   what a URL says
wire      one connection: bytes, replies, deadlines
link      the connection of one part: opened when needed, repaired, never carried over a fork
faults    every error as one of umbel's
scripts   the Lua scripts, by name
"""

from __future__ import annotations

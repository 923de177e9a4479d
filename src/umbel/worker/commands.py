"""Commands: what a worker answers to ``umbel inspect`` and ``umbel control``, by Celery's names and reply shapes.

A request is Celery's pidbox document: method, arguments, destination, pattern, matcher, ticket, reply_to. The
supervisor answers, so a busy child is never disturbed. What is asked is in `questions`, what is changed in `steering`,
and what a project adds stands on the same panel (`control`).
"""

from __future__ import annotations

import fnmatch
import logging
import re
from typing import Any

import msgspec

from .. import clock
from ..exceptions import UmbelError
from . import questions, steering
from .control import Panel, State

__all__ = ["Commands", "Request", "questions", "steering"]

logger = logging.getLogger("umbel.worker")

REPLY_KEPT = 60.0


class Request(msgspec.Struct):
    """Celery's control request."""

    method: str
    arguments: dict[str, Any] = {}
    destination: list[str] | None = None
    pattern: str | None = None
    matcher: str | None = None
    ticket: str | None = None

    def concerns(self, node: str) -> bool:
        """Whether this node is meant."""
        if self.destination is not None:
            return node in self.destination
        if self.pattern:
            if self.matcher == "pcre":
                return re.match(self.pattern, node) is not None
            return fnmatch.fnmatchcase(node, self.pattern)
        return True


class Commands:
    """Answers for one supervisor.

    Args:
        state: what commands see of it.
    """

    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, payload: bytes) -> None:
        """Answer one request if it concerns this node; a mistake in it is the answer, never the worker's end."""
        try:
            request = msgspec.json.decode(payload, type=Request)
        except msgspec.MsgspecError as error:
            logger.warning("A control request could not be read: %s", error)
            return
        try:
            if not request.concerns(self.state.hostname):
                return
            reply = Panel.data[request.method](self.state, **request.arguments)
        except Exception as error:  # arguments come from a stranger; the reply says what was wrong
            logger.debug("The control request %s could not be answered", request.method, exc_info=True)
            reply = {"error": repr(error)}
        if request.ticket and reply is not None:
            self._reply(request.ticket, request.method, reply)

    def _reply(self, ticket: str, method: str, reply: Any) -> None:
        body = msgspec.json.encode({self.state.hostname: reply}, enc_hook=repr)
        try:
            self.state.control.reply(ticket, body, clock.wall() + REPLY_KEPT)
        except UmbelError as error:
            logger.warning("The reply to %s could not be stored: %s", method, error)

"""Whether a routing key fits the pattern of a topic exchange, as AMQP 0-9-1 says it.

Words are separated by dots; ``*`` stands for one word, ``#`` for any number of words, none included. (kombu's own
brokers take ``#`` for at least one; RabbitMQ does not.)
"""

from __future__ import annotations


def fits(pattern: str, key: str) -> bool:
    """Whether ``key`` fits ``pattern``.

    Example:
        >>> fits("media.*.mp4", "media.video.mp4"), fits("media.#", "media"), fits("media.*", "media.a.b")
        (True, True, False)
    """
    wanted, words = (text.split(".") if text else [] for text in (pattern, key))
    at = word = 0
    back: tuple[int, int] | None = None  # behind the last #: where the pattern goes on, how many words it has taken
    while word < len(words):
        if at < len(wanted) and wanted[at] == "#":
            at += 1
            back = at, word
        elif at < len(wanted) and wanted[at] in ("*", words[word]):
            at, word = at + 1, word + 1
        elif back is not None:
            back = back[0], back[1] + 1
            at, word = back
        else:
            return False
    return all(rest == "#" for rest in wanted[at:])

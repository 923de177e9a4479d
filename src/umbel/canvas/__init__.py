"""Canvas: calls as values.

base.py       Signature: one call
bare.py       what the head of a message says of its chord
algebra.py    what ``a | b`` is
chains.py     one after the other; steps.py prepares its steps
groups.py     side by side
chords.py     side by side, and then one with all results; errors.py: the callbacks it is called with
ends.py       what ends in a group, with one result
maps.py       many calls in one message
segments.py   long chains, of which a message carries a part
stamps.py     values that travel with all parts of a workflow
naming.py     where ids come from
outgoing.py   sending it
kinds.py      the kinds of signatures by name
"""

from __future__ import annotations

from .bare import CONTINUE, is_bare, note
from .base import Signature, maybe_signature, signature, subtask
from .chains import chain
from .chords import ADDS, chord
from .ends import COLLECT, ending_once
from .groups import group
from .maps import chunks, xmap, xstarmap
from .naming import derived
from .outgoing import collecting, follow_up
from .segments import forget, stored
from .stamps import StampingVisitor

__all__ = [
    "ADDS", "COLLECT", "CONTINUE", "Signature", "StampingVisitor", "chain", "chord", "chunks", "collecting", "derived",
    "ending_once", "follow_up", "forget", "group", "is_bare", "maybe_signature", "note", "signature", "stored",
    "subtask", "xmap", "xstarmap",
]  # fmt: skip

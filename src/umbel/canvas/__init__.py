"""Canvas: calls as values."""

from __future__ import annotations

from .base import Signature, maybe_signature, signature, subtask

__all__ = ["Signature", "maybe_signature", "signature", "subtask"]

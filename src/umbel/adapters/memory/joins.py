"""The joins of a memory store: which members have ended, and when all have."""

from __future__ import annotations

from ...message import Join, Parcel
from ...outcome import Member


class Joins:
    """Members by join and id; a join that has sent its message keeps only the fact."""

    def __init__(self) -> None:
        self._noted: dict[str, dict[str, Member]] = {}
        self._added: dict[str, set[str]] = {}
        self._sent: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._expires: dict[str, float] = {}

    def open(self, join: Join, *, anew: bool) -> None:
        """Note the size of a join; one that has ended stays ended unless it begins anew."""
        if anew:
            self._sent.discard(join.id)
        self._sizes[join.id] = join.size
        self._expires[join.id] = join.expires

    def note(self, member: Member) -> Parcel | None:
        """Note a member; the message to send when it was the last one."""
        if member.join in self._sent:
            return None
        self._expires[member.join] = max(member.expires, self._expires.get(member.join, 0.0))
        noted = self._noted.setdefault(member.join, {})
        noted.setdefault(member.id, member)
        if member.adds:
            self._added.setdefault(member.join, set()).update(member.adds)
        size = member.size or self._sizes.get(member.join, 0)
        most = size + len(self._added.get(member.join, ()))
        return self._ended(member, noted) if size and len(noted) >= most else None

    def _ended(self, last: Member, noted: dict[str, Member]) -> Parcel:
        self._sent.add(last.join)
        self._added.pop(last.join, None)
        self._sizes.pop(last.join, None)
        members = sorted(self._noted.pop(last.join).values(), key=lambda member: (member.place, member.id))
        failed = next((member for member in members if member.failed), None)
        if failed is not None:
            return last.otherwise.filled(failed.value)
        return last.then.filled(b",".join(member.value for member in members))

    def tidy(self, now: float) -> int:
        """Forget the joins that have expired; how many."""
        expired = [join for join, expires in self._expires.items() if 0 < expires <= now]
        for join in expired:
            del self._expires[join]
            self._noted.pop(join, None)
            self._added.pop(join, None)
            self._sizes.pop(join, None)
            self._sent.discard(join)
        return len(expired)

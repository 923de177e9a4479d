"""Whoever comes first makes the folder of the store, a worker too."""

from __future__ import annotations

import stat

from umbel import ids
from umbel.adapters.sqlite import open_broker
from umbel.broker import Owner


def test_an_owner_may_be_the_first_user_of_a_folder(tmp_path):
    folder = tmp_path / "state" / "umbel"
    owners = open_broker(f"sqlite:///{folder / 'new.db'}", {}).owners()
    owner = Owner(ids.nonce(), "w@host", 1, "supervisor", 0.0)
    owners.enlist(owner)
    assert [one.nonce for one in owners.roll()] == [owner.nonce]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    owners.retire(owner.nonce)
    owners.close()

"""Where a store may live, and what is made there."""

from __future__ import annotations

import os
import stat

import pytest

from tests.sqlite.store import Store, parcel
from umbel.adapters.sqlite import location
from umbel.exceptions import StoreDamaged, StoreUnavailable, StoreUnsuitable

MOUNTS = """\
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /mnt/share rw,relatime shared:5 - nfs4 server:/export rw
31 22 0:27 / /mnt/with\\040space rw - cifs //server/share rw
32 22 0:28 / /mnt/ssh rw - fuse.sshfs user@host:/ rw
33 30 259:2 / /mnt/share/local rw - xfs /dev/sdb1 rw
34 22 0:30 / /mnt/shared rw - ext4 /dev/sdc1 rw
"""


@pytest.fixture
def mounts(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return str(path)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/deep/er", "nfs4"),
        ("/mnt/share/local/x", "xfs"),
        ("/mnt/shared", "ext4"),
        ("/mnt/with space/x", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
    ],
)
def test_the_longest_mount_point_decides(mounts, folder, kind):
    assert location.file_system(folder, mounts) == kind


def test_without_a_table_of_mounts_nothing_is_refused(tmp_path):
    assert location.file_system("/", str(tmp_path / "none")) == ""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.s3fs", "ceph", "glusterfs"])
def test_network_file_systems_are_refused(tmp_path, kind):
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 0:1 / / rw - {kind} thing rw\n")
    with pytest.raises(StoreUnsuitable, match=rf"\({kind}\).*local disk"):
        location.prepare(str(tmp_path / "a.db"), str(table))
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk"])
def test_local_file_systems_are_welcome(tmp_path, kind):
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 0:1 / / rw - {kind} thing rw\n")
    location.prepare(str(tmp_path / "a.db"), str(table))
    assert (tmp_path / "a.db").exists()


def test_everything_that_is_made_is_the_users_own(store):
    store.publish(parcel())
    worker = store.worker()
    worker.consumer.wait(["q"], 0.0, -1)
    watch = store.open(store.backend().watch())
    watch.add(["id"])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.rglob("*")}
    folders = {name: mode for name, mode in modes.items() if name.endswith(".wake")}
    assert folders == {"store.db.wake": 0o700}
    assert {mode for name, mode in modes.items() if name not in folders} == {0o600}
    assert {"store.db", "store.db-wal", "store.db-shm", "store.db.owners"} <= set(modes)
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    store = Store(tmp_path)
    store.path.mkdir()
    with pytest.raises(StoreUnavailable, match="not a file"):
        store.publish(parcel())


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreUnavailable, match=r"cannot be made"):
        Store(tmp_path / "state").publish(parcel())


def test_a_path_with_odd_letters_works(tmp_path):
    store = Store(tmp_path / "a b?#%20ü'\"")
    worker = store.worker()
    store.publish(parcel("one"))
    assert len(worker.claim()) == 1
    store.close()


def test_an_empty_file_becomes_a_store_and_a_foreign_one_does_not(tmp_path):
    store = Store(tmp_path)
    store.path.touch()
    store.publish(parcel())
    assert store.sizes() == (1, 0, 0, 0)
    os.truncate(store.path, 0)
    store.path.write_bytes(b"no database at all, but long enough to have a header" * 100)
    for name in ("-wal", "-shm"):
        store.path.with_name(store.path.name + name).unlink(missing_ok=True)
    with pytest.raises(StoreDamaged, match="not a SQLite file"):
        store.publish(parcel())

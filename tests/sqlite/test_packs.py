"""Packs: what goes in comes out, in order, whatever is taken out of them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from umbel.adapters.sqlite import packs
from umbel.record import Record

records = st.lists(
    st.builds(
        Record,
        id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
        status=st.sampled_from(["SUCCESS", "FAILURE", "STARTED", "mine"]),
        document=st.binary(max_size=300),
        expires=st.sampled_from([0.0, 10.0, 20.0]),
    ),
    max_size=30,
)


def read(pack, places=None):
    return [entry.record for entry in packs.unpacked(1, pack.expires, pack.meta, pack.docs, places)]


@given(records)
def test_what_goes_in_comes_out_in_order(written):
    made = packs.packed(written)
    assert [record for pack in made for record in read(pack)] == written
    assert [pack.size for pack in made] == [len(read(pack)) for pack in made]


@given(records, st.data())
def test_what_is_taken_out_is_gone_and_the_rest_stays(written, data):
    for pack in packs.packed(written):
        gone = data.draw(st.sets(st.integers(0, pack.size - 1)))
        left = [record for place, record in enumerate(read(pack)) if place not in gone]
        rest = packs.without(pack.meta, pack.docs, gone)
        if rest is None:
            assert not left
            continue
        meta, docs = rest
        entries = list(packs.unpacked(1, pack.expires, meta, docs))
        assert [entry.record for entry in entries] == left
        assert [entry.place for entry in entries] == [place for place in range(pack.size) if place not in gone]
        assert docs == b"".join(record.document for record in left)


def test_a_pack_is_bounded():
    one = Record("id", "SUCCESS", b"x" * 1000)
    assert max(pack.size for pack in packs.packed([one] * 200)) <= packs.ROOM // 1000 + 1
    assert [pack.size for pack in packs.packed([Record("id", "SUCCESS", b"")] * 1200)] == [500, 500, 200]
    assert [pack.size for pack in packs.packed([one, Record("large", "SUCCESS", b"x" * 100_000), one])] == [2, 1]


def test_keys_name_every_result_that_is_there():
    (pack,) = packs.packed([Record(str(number), "SUCCESS", b"") for number in range(5)])
    everything = packs.keys_of(pack.meta)
    rest = packs.without(pack.meta, pack.docs, [1, 3])
    assert rest is not None
    gone, left = packs.keys_of(pack.meta, [1, 3]), packs.keys_of(rest[0])
    assert (
        sorted(json.loads(gone) + json.loads(left)) == sorted(json.loads(everything)) == json.loads(pack.keys)
    )  # lists of numbers
    assert sorted(key & 1023 for key in json.loads(left)) == [0, 2, 4]

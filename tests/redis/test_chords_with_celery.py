"""One chord, run by real workers of Celery's and of umbel's: joined once, whoever is last and whoever sent it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.shop import Shop

CLIENT = """
import itertools, json
from with_{client} import add, behind, fail, hear, same, total
from {client} import chord, group

def send(case, *header, last):
    gate = f"gate-{{case}}"
    header = [one.set(queue="of-" + ("celery" if last == "umbel" else "umbel")) for one in header]
    header.append(behind.s(20, 2, gate).set(queue="of-" + last))
    body = total.s(f"ran-{{case}}").set(queue=f"of-{{where}}")
    body.link_error(hear.s(f"heard-{{case}}").set(queue=f"of-{{where}}"))
    result = chord(header)(body)
    for one in result.parent[:-1]:
        one.get(timeout=60, propagate=False)
    open(gate, "w").close()
    return result

said = []
for last, where in itertools.product(("celery", "umbel"), repeat=2):
    said.append(send(f"good-{{last}}-{{where}}", add.s(1, 1), add.s(2, 2), last=last).get(timeout=60))
    failed = send(f"bad-{{last}}-{{where}}", add.s(1, 1), fail.s("out of stock"), last=last)
    error = failed.get(timeout=60, propagate=False)
    said.append(type(error).__name__ + str("out of stock" in str(error)))
    open(f"gate-group-{{last}}-{{where}}", "w").close()
    header = [add.s(1, 1).set(queue="of-celery"), add.s(2, 2).set(queue="of-umbel")]
    header.append(behind.s(3, 3, f"gate-group-{{last}}-{{where}}").set(queue="of-" + last))
    body = group(same.s().set(queue="of-" + where), same.s().set(queue="of-celery"))
    said.append(chord(header, body).delay().get(timeout=60))
print(json.dumps(said))
"""
SIDES = ("celery", "umbel")


@pytest.mark.parametrize("client", SIDES)
def test_joined_once_whoever_is_last(project, url, link, client):
    shop = Shop(project, url, url)
    shop.celery_worker("-Q", "of-celery")
    shop.umbel_worker("-Q", "of-umbel")
    said = shop.project.client(CLIENT.format(client=client), of=client, timeout=120)
    assert said.returncode == 0, said
    assert json.loads(said.stdout) == 4 * [28, "ChordErrorTrue", [[2, 4, 6]] * 2]
    for last in SIDES:
        for where in SIDES:
            case = f"{last}-{where}"
            assert ran(project, f"ran-good-{case}") == {"28": 1}
            assert ran(project, f"heard-bad-{case}") == {"ChordError": 1}
            assert ran(project, f"ran-bad-{case}") == {}
    left = [key for key in link.call("KEYS", "celery-taskset-meta-*") if link.call("TTL", key) < 0]
    assert left == []


ADDED = """
import itertools, json
from with_{client} import add, more, total
from {client} import chord

queues = ("of-celery", "of-umbel")
said = [
    chord([more.s(20, 3, runs).set(queue=adds), add.s(1, 1).set(queue=other)])(total.s("ran").set(queue=other))
    for adds, runs, other in itertools.product(queues, repeat=3)
]
print(json.dumps([one.get(timeout=60) for one in said]))
"""


@pytest.mark.parametrize("client", SIDES)
def test_a_member_of_either_side_adds_one_for_either(project, url, client):
    shop = Shop(project, url, url)
    shop.celery_worker("-Q", "of-celery")
    shop.umbel_worker("-Q", "of-umbel")
    said = shop.project.client(ADDED.format(client=client), of=client, timeout=120)
    assert said.returncode == 0, said
    assert json.loads(said.stdout) == [25] * 8
    assert ran(project, "ran") == {"25": 8}


OVER_ONE = """
import json
from with_{client} import add, fail, same, total
from {client} import chord, group

few = range(20)
good = [chord([add.s(n, n) for n in range(3)])(total.s(f"ran-{{number}}")) for number in few]
groups = [chord([add.s(n, n) for n in range(3)], group(same.s(), same.s())).delay() for _ in few]
bad = [chord([add.s(1, 1), fail.s("x"), add.s(2, 2)])(total.s("ran-bad")) for _ in few]
said = [[one.get(timeout=60) for one in good], [one.get(timeout=60) for one in groups]]
said.append([type(one.get(timeout=60, propagate=False)).__name__ for one in bad])
inner = [chord([add.s(n, n)], group(same.s(), same.s())) for n in few]
nested = [chord([one, add.s(4, 4)])(same.s()) for one in inner]
said.append([one.get(timeout=60) for one in nested])
print(json.dumps(said))
"""


NESTED = [[[[2 * n]] * 2, 8] for n in range(20)]


@pytest.mark.parametrize("client", SIDES)
def test_joined_over_a_queue_that_both_serve(project, url, client):
    """What only umbel understands never reaches a Celery worker, and each body runs once."""
    shop = Shop(project, url, url)
    workers = [shop.celery_worker(), shop.umbel_worker()]
    said = shop.project.client(OVER_ONE.format(client=client), of=client, timeout=120)
    assert said.returncode == 0, (said, [worker.output()[-3000:] for worker in workers])
    assert json.loads(said.stdout) == [[6] * 20, [[[0, 2, 4]] * 2] * 20, ["ChordError"] * 20, NESTED]
    assert [ran(project, f"ran-{number}") for number in range(20)] == [{"6": 1}] * 20
    assert ran(project, "ran-bad") == {}
    assert "unregistered" not in workers[0].output()


def ran(project, name):
    path = Path(project.folder) / name
    return Counter(line.split()[0] for line in path.read_text().splitlines()) if path.exists() else {}

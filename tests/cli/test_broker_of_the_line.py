"""`-b` names the broker, whatever URLs the settings have."""

from __future__ import annotations


def test_it_wins_over_the_urls_for_reading_and_sending(shop, umbel):
    urls = "broker_read_url='sqlite:///read.db', broker_write_url='sqlite:///write.db'"
    shop.write("apart.py", f"from shop import app\napp.conf.update({urls})\n")
    line = ("-b", "sqlite:///line.db", "-A", "apart")
    assert umbel(*line, "call", "shop.add", "-a", "[1, 2]").code == 0
    assert umbel(*line, "queues", "--json").data[0]["ready"] == 1
    assert [path.name for path in shop.folder.glob("*.db")] == ["line.db"]

"""What is read from a page."""

from __future__ import annotations

from umbel_crawler.parser import parse


def links(html: str, url: str = "http://h/a/b") -> tuple[str, ...]:
    return parse(html.encode(), "text/html; charset=utf-8", url).links


def test_links_are_canonical_each_once_in_order():
    html = "<a href='c'>1</a><a href=/d?b=1&amp;a=2>2</a><a href='c#x'>3</a><area href='//other/e'>"
    assert links(html) == ("http://h/a/c", "http://h/d?a=2&b=1", "http://other/e")


def test_base_moves_relative_links():
    assert links("<base href='/z/'><a href='c'>1</a>") == ("http://h/z/c",)
    assert links("<base href='mailto:x'><a href='c'>1</a>") == ("http://h/a/c",)


def test_nofollow_is_obeyed_on_a_link_and_on_a_page():
    assert links("<a rel='nofollow noopener' href='c'>1</a><a href='d'>2</a>") == ("http://h/a/d",)
    assert links("<meta name=ROBOTS content='noindex, NoFollow'><a href='d'>2</a>") == ()


def test_what_is_no_page_is_no_link():
    assert links("<a href='mailto:a@b'>1</a><a href=''></a><a>3</a><a href='javascript:x()'>4</a><a name=x>") == ()


def test_title_and_text_without_scripts_and_extra_blanks():
    html = b"<title> A\n  title </title><p>One</p><script>var x</script><style>p{}</style><p>two\n three</p>"
    page = parse(html, "text/html", "http://h/")
    assert page.title == "A title"
    assert page.text == "One two three"


def test_text_is_cut():
    assert parse(b"<p>" + b"x" * 100, "text/html", "http://h/", max_text=10).text == "x" * 10


def test_encoding_of_the_header_wins_then_the_page_says():
    assert parse("<title>é</title>".encode("latin-1"), "text/html; charset=latin-1", "http://h/").title == "é"
    assert parse("<meta charset=cp1251><title>Ж</title>".encode("cp1251"), "text/html", "http://h/").title == "Ж"


def test_rubbish_is_an_empty_page():
    page = parse(b"\x00\xff<<<a href=", "text/html", "http://h/")
    assert page.links == ()
    assert parse(b"", "text/html", "http://h/").text == ""

"""A client may ask thirty times at once and then every two seconds."""

from __future__ import annotations

from songda.web.limit import Limiter, network


def test_a_burst_is_served_up_to_the_limit_and_then_told_how_long_to_wait() -> None:
    limiter = Limiter(per_minute=30)
    assert [limiter.wait_s("192.0.2.7", now=5.0) for _ in range(31)] == [0.0] * 30 + [2.0]


def test_tokens_come_back_with_time_and_never_exceed_the_limit() -> None:
    limiter = Limiter(per_minute=30)
    for _ in range(30):
        limiter.wait_s("192.0.2.7", now=0.0)
    assert limiter.wait_s("192.0.2.7", now=1.0) == 1.0
    assert limiter.wait_s("192.0.2.7", now=2.0) == 0.0
    assert sum(limiter.wait_s("192.0.2.7", now=10_000.0) == 0 for _ in range(100)) == 30


def test_what_is_dear_takes_more_tokens_and_what_turns_out_cheap_gives_some_back() -> None:
    limiter = Limiter(per_minute=30)
    assert [limiter.wait_s("a link", now=0.0, cost=10) for _ in range(4)] == [0.0, 0.0, 0.0, 20.0]
    limiter.give_back("a link", now=0.0, tokens=9)
    assert limiter.wait_s("a link", now=0.0, cost=10) == 2.0
    limiter.give_back("a link", now=0.0, tokens=1000)
    assert sum(limiter.wait_s("a link", now=0.0) == 0 for _ in range(100)) == 30


def test_one_client_does_not_use_up_the_tokens_of_another() -> None:
    limiter = Limiter(per_minute=1)
    assert limiter.wait_s("192.0.2.7", now=0.0) == 0
    assert limiter.wait_s("192.0.2.8", now=0.0) == 0
    assert limiter.wait_s("192.0.2.7", now=0.0) > 0


def test_all_addresses_of_one_ipv6_subscriber_share_a_bucket() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9")
    assert network("2001:db8:1:2::1") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.7") == network("192.0.2.7")


def test_memory_is_bounded_by_forgetting_who_asked_longest_ago() -> None:
    limiter = Limiter(per_minute=1, max_clients=2)
    for client in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        limiter.wait_s(client, now=0.0)
    assert limiter.wait_s("192.0.2.3", now=0.0) > 0
    assert limiter.wait_s("192.0.2.1", now=0.0) == 0

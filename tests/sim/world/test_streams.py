import numpy as np

from songda.sim.world.streams import Streams, choice, fixed


def test_streams_do_not_depend_on_each_other_or_on_the_order_of_asking():
    first = Streams(7)
    moves = first("moves").random(5)
    first("records").random(1000)
    assert np.array_equal(first("moves").random(5), moves)
    assert not np.array_equal(first("records").random(5), moves)
    assert not np.array_equal(Streams(8)("moves").random(5), moves)


def test_fixed_draws_are_uniform_and_tell_every_part_of_the_key_apart():
    draws = np.array([fixed(7, "door", person, day) for person in range(100) for day in range(100)])
    assert len(set(draws.tolist())) == 10_000
    assert abs(draws.mean() - 0.5) < 0.01
    assert np.all(np.abs(np.histogram(draws, bins=10, range=(0, 1))[0] - 1000) < 150)
    assert fixed(7, "a", "b") != fixed(7, "ab", "") != fixed(8, "ab", "")


def test_choice_follows_its_shares_and_takes_the_ends():
    uniforms = np.linspace(0, 1, 10_001)
    counts = np.bincount(choice(uniforms, {"a": 0.2, "b": 0.0, "c": 0.8}))
    assert counts.tolist() == [2000, 0, 8001]

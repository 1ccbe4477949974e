"""The simulated world with known truth, and the stand-in servers that play it to the product over real HTTP.

Only the command line, benchmarks and tests may import this room; the service reaches a stand-in by its URL, as it
would reach the carrier.

    from songda.sim.carrier import StandIn
    with StandIn() as post:
        print(post.url)
"""

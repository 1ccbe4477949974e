"""What bench/address_peers.py needs for the other address readers: adapters that run in their own processes, and the judge."""

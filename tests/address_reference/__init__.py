"""The kernels of songda.address in plain Python: slow, obvious, and what the compiled ones are held equal to."""

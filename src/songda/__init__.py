"""songda (送达): find the address at which a person will really sign, send the letter lawfully, prove that it arrived."""

__version__ = "0.1.0"

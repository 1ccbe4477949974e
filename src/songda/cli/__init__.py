"""The command line: parse, call the house, show. Everything heavy loads inside the command that needs it.

$ songda template cases.xlsx
$ songda check cases.xlsx --out result
"""

from songda.cli.door import main

__all__ = ["main"]

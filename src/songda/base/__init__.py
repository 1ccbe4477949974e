"""Floor 0: ids, money, days, settings, errors and the schemas of the frames that travel between rooms.

Nothing here knows a database, a network or a clock: a day or an instant always comes in as an argument.

>>> from songda.base.money import yuan
>>> yuan(123456)
'1,234.56'
"""

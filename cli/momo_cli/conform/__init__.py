"""
Put an implementation of somebody else to the golden vectors of an optimizer.

`subjects` runs it, a Python optimizer or any program that speaks `protocol`; `judge` puts each
vector to it and `compare` each step; `findings` says which flags the failures are about; `report` shows it.
"""

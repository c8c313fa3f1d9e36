"""Public monitors: figures and boundaries that others publish, kept as vintages in the vault.

Belongs here: one module per source, which knows that source's form and nothing else; the contract that its long table
keeps; the vault folder of the monitors. Does not belong here: what an indicator is compared with (the warehouse).
"""

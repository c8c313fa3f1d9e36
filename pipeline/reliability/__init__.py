"""How sure a figure is: intervals and verdicts.

Belongs here: statistics that SQL cannot do, on the counts of the confidential cells. Does not belong here: what may
be shown.
"""

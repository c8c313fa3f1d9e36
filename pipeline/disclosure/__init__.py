"""What may be shown: from confidential cells to a status per cell.

Belongs here: the rules of disclosure control and the pattern of hidden cells that follows from them. Does not belong
here: how sure a figure is (reliability), and how a hidden figure is shown (publication).
"""

"""An oracle for the whole product: deliveries from small random worlds, and their figures by brute force.

Belongs here: plain Python that shares nothing with the product, neither code nor method, so that an error in one is not
repeated in the other. ``deliveries`` writes delivery folders, ``indicators`` counts, ``by_hand`` holds a world whose
figures were worked out with pencil and paper.
"""

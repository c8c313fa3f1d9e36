"""Deliveries of the consortia: from a folder in the inbox to accepted, pseudonymised rows in the vault.

Belongs here: the delivery contract, reading files, the personal-data guard, pseudonyms, the judgement per row,
quarantine and receipts; and what a consortium uses at its own desk: template, packing, pseudonymising. Does not belong
here: what the rows mean together (the warehouse).
"""

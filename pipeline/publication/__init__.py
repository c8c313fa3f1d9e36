"""Publication: what leaves, in which form, and the record of every release."""

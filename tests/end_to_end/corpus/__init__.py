"""Broken and odd deliveries, and what the contract says of each."""

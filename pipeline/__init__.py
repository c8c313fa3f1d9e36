"""Effectmonitor: from deliveries and public monitors to protected indicators per district."""

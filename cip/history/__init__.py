"""The event history: one Delta table per tenant, and DuckDB SQL over it.

Nothing here is imported by the web process. Never open a table or a DuckDB connection before a
fork: the child would panic or hang.
"""

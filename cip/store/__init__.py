"""Redis only: the keys, the clients, the streams, the live counters."""

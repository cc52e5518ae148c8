"""Moves events from the stream, or from a file, into the live counters and the history."""

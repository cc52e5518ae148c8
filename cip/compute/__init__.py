"""Runs an insight: history, analytics, published result. One module per insight."""

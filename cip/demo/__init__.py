"""The simulator, whose truth is known, and the demo tenants."""

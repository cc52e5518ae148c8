"""What the business talks about. Standard library and pydantic only; no I/O, no clock."""

"""The customer-intelligence platform: customer events in, true figures out."""

__version__ = "0.1.0"

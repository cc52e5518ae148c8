"""Passwords, tokens and the policy: pure; the clock is an argument."""

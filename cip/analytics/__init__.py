"""Frames in, result out: pure. The instant and the seed are arguments."""

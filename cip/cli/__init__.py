"""The 'cip' commands: thin; they start the others."""

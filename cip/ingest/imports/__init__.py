"""A file's rows into the history: read, map, check column-wise, derive ids, commit once, undo."""

"""The Celery application and its tasks, which are thin: each calls `cip.compute`."""

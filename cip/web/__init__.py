"""The Flask parts: request guard, API, login, health, headers, callback registration."""

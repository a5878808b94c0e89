"""The control page and its JSON API, for people and scripts on this machine."""

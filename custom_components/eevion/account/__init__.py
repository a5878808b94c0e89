"""What a config entry holds: its settings, its sites and its notifications."""

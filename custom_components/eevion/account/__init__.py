"""The settings, the sites and the notifications of a config entry."""

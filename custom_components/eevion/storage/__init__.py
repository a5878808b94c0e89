"""Files in Home Assistant's storage: validated when read, set aside if invalid."""

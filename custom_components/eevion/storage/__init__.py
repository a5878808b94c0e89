"""Files in Home Assistant's storage: loaded by one reader, set aside where they are broken."""

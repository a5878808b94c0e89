"""The actions: their fields, their targets and their responses."""

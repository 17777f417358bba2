"""One module per resource; each has a router (or makes one from the settings)."""

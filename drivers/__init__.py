"""Drivers read sensors; formats say what they read. Nothing here knows what becomes of a reading."""

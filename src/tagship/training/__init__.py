"""From a validated table to one locked artifact."""

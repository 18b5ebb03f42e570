"""From an upload event to a Delta commit: order, parse, validate, merge, record."""

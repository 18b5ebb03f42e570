"""The words all rooms share: settings, AWS clients, errors, layout of keys, events, clock and ids."""

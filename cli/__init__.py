"""The laptop's composition root: the `ledgerlake` command and the embedded cloud."""

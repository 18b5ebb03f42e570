"""What `ledgerlake doctor` looks at: one function for each check, over a `Shell`, returning a `Finding`."""

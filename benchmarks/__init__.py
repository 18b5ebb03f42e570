"""What ledgerlake costs beside what one would pick instead: ratios within one run (`python -m benchmarks`)."""

"""What is measured: one catalogue of metrics, and how each is published."""

"""Entry points of ingestion: each builds its dependencies once, at cold start, and passes them down."""

"""The engine for financial files: formats, typed parse, rules, totals, verdict. Pure functions over pyarrow."""

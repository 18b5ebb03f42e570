"""What is known about data: contracts, types, Delta, catalog, history. (Also the import name of PyTables: ADR 1.)"""

"""Which way is taken: what each may cost, what it does cost, and who chooses well."""

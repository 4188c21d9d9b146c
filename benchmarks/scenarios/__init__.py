"""The suites of scenarios, and the run of them."""

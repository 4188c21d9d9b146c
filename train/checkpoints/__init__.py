"""Files from which a run goes on."""

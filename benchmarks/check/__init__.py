"""Is a derivative right? Directions, the Taylor test, float64, a reference, and the error."""

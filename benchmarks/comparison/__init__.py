"""From one function to one record: what every way to take its derivative costs."""

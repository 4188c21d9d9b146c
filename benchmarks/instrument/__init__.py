"""A stopwatch that knows nothing of derivatives: compile, time, and what the samples say."""

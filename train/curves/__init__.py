"""What a training leaves behind: curves, and what they say."""

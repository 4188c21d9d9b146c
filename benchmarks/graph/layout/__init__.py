"""Where boxes, frames and lines of a picture stand, whichever groups are open."""

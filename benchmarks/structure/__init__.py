"""What a function allows beyond both modes: what depends on what, colours, cheapest derivatives."""

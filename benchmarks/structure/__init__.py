"""What a function allows beyond both modes: which outputs depend on which inputs, and in what way."""

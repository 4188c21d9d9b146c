"""What a pattern looks like: in a word, in text, as a picture."""

"""What derivative is asked for, and the form in which it is handed out."""

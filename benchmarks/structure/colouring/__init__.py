"""How few products tell a Jacobian of a known pattern: colours, and the entries read off them."""

"""People's accounts: who may sign in, with what, and which sign-ins are open."""

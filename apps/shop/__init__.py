"""A shop that charges cards and sends mails, which are not its own."""

"""A shop that ships what was ordered days later, and reminds whoever has not paid."""

"""An application that makes, keeps, passes on and is given sets, and lets their order be seen."""

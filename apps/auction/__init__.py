"""An auction house: money is held before a bid counts, and every lot is sold again and again."""

"""The services of ``apps/hotel``; only the workload is different."""

from apps.hotel.services import Flight, Frontend, Hotel, Order

__all__ = ["Flight", "Frontend", "Hotel", "Order"]

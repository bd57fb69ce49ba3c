"""Movie reviews: nine services, and a review that is assembled from five parts."""

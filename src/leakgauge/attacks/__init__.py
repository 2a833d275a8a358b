"""What both families of attacks share: the row of a table, choosing rows, and running one of them."""

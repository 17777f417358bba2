"""What may happen to bridge, store and workers, as rules that hypothesis draws histories from."""

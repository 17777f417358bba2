"""Results of one frame in the formats that other programs read: one small module a format, bytes out."""

"""From bytes to pixels: header, decoding, colour, reduced copies."""

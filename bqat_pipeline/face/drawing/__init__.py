"""What is drawn over a picture: landmarks, light zones, boxes, the judgement in words."""

"""Why a face has no template."""

# Degrees; beyond it the network does not recognise a person (61 degrees: none of 11 pairs at the default threshold).
MAX_YAW = 45.0
# Px between the eyes; smaller faces have too little in them to tell persons apart.
MIN_EYE_DISTANCE = 16.0

# Why a face has no template, and the sentence for people.
REASONS = {
    "no_face": "no face was found",
    "no_landmarks": "the landmarks of the face are not plausible",
    "doubtful_face": "what was found is probably not a human face",
    "turned_away": f"the head is turned by more than {MAX_YAW:g} degrees",
    "too_small": f"the eyes are less than {MIN_EYE_DISTANCE:g} px apart",
    "unreadable": "the picture could not be read",
}

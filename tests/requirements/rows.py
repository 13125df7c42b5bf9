"""A portrait that meets every shipped profile's required limits but the picture size."""

GOOD = {
    "status": "ok",
    "iso_single_face_present": 0.0,
    "iso_inter_eye_distance": 200.0,
    "iso_head_pose_yaw": 0.0,
    "iso_head_pose_pitch": 0.0,
    "iso_head_pose_roll": 0.0,
    "eye_closed_left": False,
    "eye_closed_right": False,
    "iso_mouth_closed": 0.001,
    "iso_head_size": 0.375,
    "iso_leftward_crop_of_the_face_image": 2.4,
    "iso_rightward_crop_of_the_face_image": 2.4,
    "iso_margin_above_of_the_face_image": 1.1,
    "image_width": 768,
    "image_height": 1024,
    "smile": False,
}

"""A portrait that meets the required limits of all shipped rule sets except BSI's picture size."""

GOOD = {
    "status": "ok",
    "iso_single_face_present": 0.0,
    "iso_inter_eye_distance": 200.0,
    "iso_head_pose_yaw": 0.0,
    "iso_head_pose_pitch": 0.0,
    "iso_head_pose_roll": 0.0,
    "aux_eye_closed_score_left": 0.01,
    "aux_eye_closed_score_right": 0.01,
    "aux_mouth_open_score": 0.05,
    "aux_smile_score": 0.05,
    "aux_head_length_ratio": 0.75,
    "aux_head_width_ratio": 0.6,
    "aux_face_position_x": 0.5,
    "aux_face_position_y": 0.42,
    "aux_light_zones_ratio": 0.8,
    "aux_intensity_levels": 200,
    "aux_image_aspect": 0.75,
    "image_width": 768,
    "image_height": 1024,
}

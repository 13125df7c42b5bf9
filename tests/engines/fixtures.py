"""Results of external engines, in the formats that they write.

Written by hand after the programs' sources; the numbers are invented, and no engine made them.
"""

from pathlib import Path

# OFIQSampleApp up to 1.1: native values, then ".scalar"; a trailing empty field.
OFIQ_1_0 = """\
Filename;UnifiedQualityScore;DynamicRange;SingleFacePresent;InterEyeDistance;LeftwardCropOfTheFaceImage;MarginAboveOfTheFaceImage;HeadPoseYaw;HeadPosePitch;CompressionArtifacts;UnifiedQualityScore.scalar;DynamicRange.scalar;SingleFacePresent.scalar;InterEyeDistance.scalar;LeftwardCropOfTheFaceImage.scalar;MarginAboveOfTheFaceImage.scalar;HeadPoseYaw.scalar;HeadPosePitch.scalar;CompressionArtifacts.scalar;
/in/one.png;25.123456;7.5;0;118.25;2.4;1.61;-3.5;4.125;0.71;68;94;100;91;100;89;100;99;100
/in/none.png;0;0;0;0;0;0;0;0;0;-1;-1;-1;-1;-1;-1;-1;-1;-1
/in/two.png;24;7.1;0.4;100;2.1;1.5;1;1;0.6;60;89;60;82;100;73;100;100;-1
/in/unreadable.png;;
"""

# OFIQ 1.2 and later: names of ISO/IEC TR 25722, ".native" and plain, a time column.
OFIQ_1_2 = """\
Filename;UnifiedQualityScore.native;DynamicRange.native;SingleFacePresent.native;InterEyeDistance.native;LeftwardCropOfFace.native;MarginAboveTheFace.native;HeadPoseYawFrontal.native;HeadPosePitchFrontal.native;NoCompressionArtifacts.native;UnifiedQualityScore;DynamicRange;SingleFacePresent;InterEyeDistance;LeftwardCropOfFace;MarginAboveTheFace;HeadPoseYawFrontal;HeadPosePitchFrontal;NoCompressionArtifacts;assessment_time_in_ms;
/in/one.png;25.123456;7.5;0;118.25;2.4;1.61;-3.5;4.125;0.71;68;94;100;91;100;89;100;99;100;431;
"""

# `biqt -p BIQTFace -f text -l LIST`: the header again for each image, and what a provider prints in between.
BIQT_TEXT = """\
Provider,Image,Detection,AttributeType,Key,Value
BIQTFace,/in/one.png,1,Metric,quality,7.25
BIQTFace,/in/one.png,1,Metric,opencv_face_found,1
BIQTFace,/in/one.png,1,Metric,openbr_confidence,1.5
BIQTFace,/in/one.png,1,Metric,over_exposure_face,0.03125
BIQTFace,/in/one.png,1,Metric,sap_code,-1
BIQTFace,/in/one.png,1,Feature,opencv_left_eye_x,210
BIQTFace,/in/one.png,1,Feature,opencv_nose_x,-1
Set algorithm to FaceRecognition
Provider,Image,Detection,AttributeType,Key,Value
BIQTFace,/in/none.png,1,Metric,quality,0
BIQTFace,/in/none.png,1,Metric,opencv_face_found,0
BIQTFace,/in/none.png,1,Metric,openbr_confidence,0
BIQTFace,/in/none.png,1,Metric,blur,nan
"""

# Stands in for OFIQSampleApp to test how it is called; it measures nothing.
# The mean grey level decides: dark pictures end the program, white ones have no face.
FAKE_OFIQ = """\
#!{python}
# FAKE: stands in for OFIQSampleApp in tests
import sys
import cv2
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert arguments["-cf"] == "ofiq_config.jaxn" and (open(arguments["-c"] + "/ofiq_config.jaxn").read())
open(arguments["-c"] + "/calls.log", "a").write("called\\n")
lines = ["Filename;InterEyeDistance;SingleFacePresent;InterEyeDistance.scalar;SingleFacePresent.scalar;"]
for path in open(arguments["-i"]).read().split():
    image = cv2.imread(path)
    grey = image.mean()
    if grey < 10:
        sys.exit("out of range")
    score = -1 if grey > 250 else 80
    lines.append(f"{{path}};{{image.shape[1]}};0;{{score}};{{score}}")
open(arguments["-o"], "w").write("\\n".join(lines) + "\\n")
"""

FAKE_BIQT = """\
#!{python}
# FAKE: stands in for biqt in tests
import sys
assert sys.argv[1:6] == ["-p", "BIQTFace", "-f", "text", "-l"]
for path in open(sys.argv[6]).read().split():
    print("Provider,Image,Detection,AttributeType,Key,Value")
    for key, value in (("quality", 5), ("opencv_face_found", 1), ("image_width", 7)):
        print(f"BIQTFace,{{path}},1,Metric,{{key}},{{value}}")
"""

# Stands in for the package python-ofiq: the same names, no measurement.
FAKE_PACKAGE = '''\
"""FAKE: stands in for python-ofiq in tests."""
__version__ = "0.0-fake"
class OFIQError(Exception): ...
class QualityError(OFIQError): ...
class FaceDetectionError(QualityError): ...
class LandmarkError(QualityError): ...
class OFIQ:
    def __init__(self, folder): self.folder = folder
    def vector_quality(self, image, include_raw=False):
        assert include_raw and image.dtype == "uint8" and image.flags.c_contiguous
        grey = image.mean()
        if grey > 250: raise FaceDetectionError("no face")
        if grey < 10: raise QualityError("segmentation failed")
        return {"InterEyeDistance": {"scalar": 91.0, "raw": float(image.shape[1])}, "Sharpness": None,
                "SingleFacePresent": {"scalar": 100.0, "raw": 0.0}, "Luminance": {"scalar": 1.0, "raw": 1.0}}
'''


def program(folder: Path, name: str, text: str) -> Path:
    """An executable file with a fake program."""
    import sys

    path = folder / name
    path.write_text(text.format(python=sys.executable))
    path.chmod(0o755)
    return path

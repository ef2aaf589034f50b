import pytest

from hubtraining.domain.yolov5 import current_name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("yolov5n.pt", "yolov5nu.pt"),
        ("yolov5x6.pt", "yolov5x6u.pt"),
        ("yolov3.pt", "yolov3u.pt"),
        ("yolov3-tiny.pt", "yolov3-tinyu.pt"),
        ("yolov3-spp.pt", "yolov3-sppu.pt"),
        ("yolov5su.yaml", "yolov5s.yaml"),
    ],
)
def test_old_names_become_todays(old: str, new: str) -> None:
    assert current_name(old) == new


@pytest.mark.parametrize(
    "name", ["yolov5nu.pt", "yolov5n.yaml", "yolo11n.pt", "/data/yolov5n.pt", "my-yolov5n.pt", "yolov5n-seg.pt", ""]
)
def test_other_names_stay(name: str) -> None:
    assert current_name(name) == name

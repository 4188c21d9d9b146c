"""ADBench's file formats: inputs written as ADBench writes them are read back unchanged."""

import jax
import numpy as np
import pytest

from benchmarks.scenarios.adbench import data, gmm, hand, scenarios


def write(path, *blocks, between="\n"):
    """Write blocks of rows of numbers, every number to its last digit."""
    texts = ["\n".join(" ".join(repr(float(x)) for x in row) for row in rows) for rows in blocks]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(between.join(texts) + "\n")


def column(values):
    return np.reshape(values, (-1, 1))


def assert_same(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def write_gmm(path):
    (alphas, means, icf, x), _ = data.draw_gmm(2, 3, 4)
    write(path, [[2, 3, 4]], column(alphas), means, icf, x, [[0.5, 7]])
    return (alphas, means, icf, x), gmm.Wishart(0.5, 7)


def write_lstm(path):
    main, extra, state, sequence = inputs = data.draw_lstm(2, 5, 3)
    blocks = main.reshape(4, 12), extra, state.reshape(4, 3), sequence
    write(path, [[2, 5, 3]], *blocks, between="\n\n")
    return inputs


def write_model(folder):
    model = data.draw_model(6, 5)
    folder.mkdir(parents=True)
    transforms = np.concatenate([model.relative, model.inverse], axis=1).reshape(22, 32)
    bones = zip(model.parents, transforms, strict=True)
    lines = [f"bone:{parent}:" + ":".join(map(repr, map(float, row))) for parent, row in bones]
    (folder / "bones.txt").write_text("\n".join(lines))
    lines = []
    for position, weights in zip(model.positions, model.weights, strict=True):
        pairs = [f"{bone}:{float(weights[bone])!r}" for bone in np.flatnonzero(weights)]
        place = ":".join(repr(float(x)) for x in position)
        lines.append(f"{place}:0.0:0.0:1.0:0.0:0.0:{len(pairs)}:" + ":".join(pairs))
    (folder / "vertices.txt").write_text("\n".join(lines))
    (folder / "triangles.txt").write_text("\n".join(":".join(map(str, t)) for t in model.triangles))
    return model


def write_pose(path, *, with_uv):
    theta, uv, index, points = data.draw_pose(3, 5)
    rows = np.column_stack([index, points])
    write(path, [[3, 26]], rows, *([uv] if with_uv else []), column(theta))
    return theta, uv if with_uv else np.zeros((0, 2)), index, points


def test_a_gmm_file_holds_the_inputs_and_the_prior(tmp_path):
    expected = write_gmm(tmp_path / "gmm.txt")
    assert_same(data.read_gmm(tmp_path / "gmm.txt"), expected)


def test_an_lstm_file_has_blank_lines_between_its_blocks(tmp_path):
    expected = write_lstm(tmp_path / "lstm.txt")
    assert_same(data.read_lstm(tmp_path / "lstm.txt"), expected)


def test_a_ba_file_holds_one_row_of_each_kind_and_how_often_it_repeats(tmp_path):
    camera, point, weight, feature = np.arange(11.0), np.arange(3.0), [0.5], [7.0, 8.0]
    write(tmp_path / "ba.txt", [[2, 3, 5]], [camera], [point], [weight], [feature])
    inputs = data.read_ba(tmp_path / "ba.txt")
    assert [part.shape for part in inputs] == [(2, 11), (3, 3), (5,), (5, 2), (5,), (5,)]
    for part, row in zip(inputs, (camera, point, 0.5, feature), strict=False):
        assert np.all(part == row)
    assert_same(inputs[4:], (np.array([0, 1, 0, 1, 0]), np.array([0, 1, 2, 0, 1])))


def test_a_hand_is_read_from_three_files_of_fields(tmp_path):
    model = write_model(tmp_path / "model")
    assert_same(data.read_model(tmp_path / "model"), model)


@pytest.mark.parametrize("with_uv", [True, False])
def test_a_pose_file_has_coordinates_in_triangles_or_none(tmp_path, with_uv):
    expected = write_pose(tmp_path / "pose.txt", with_uv=with_uv)
    assert_same(data.read_pose(tmp_path / "pose.txt"), expected)


def test_scenarios_are_built_from_the_files_of_a_folder(tmp_path):
    (alphas, *_), _ = write_gmm(tmp_path / "gmm" / "test.txt")
    model = write_model(tmp_path / "hand" / "model")
    theta, *_ = write_pose(tmp_path / "hand" / "test.txt", with_uv=False)
    write_pose(tmp_path / "hand" / "hand_complicated.txt", with_uv=True)
    with jax.enable_x64(True):
        suite = scenarios("small", tmp_path)
        np.testing.assert_array_equal(suite["adbench/gmm_d2_K3"]().inputs[0], alphas)
        simple = suite["adbench/hand_simple_2"]()
        np.testing.assert_array_equal(simple.inputs[0], theta)
        assert_same(simple.inputs[1], hand.prepare(model))
        assert suite["adbench/hand_complicated_2"]().inputs[1].shape == (3, 2)
    with pytest.raises(FileNotFoundError, match="ba"):
        suite["adbench/ba_test"]()


def test_a_truncated_file_is_refused_and_named(tmp_path):
    write_gmm(tmp_path / "short.txt")
    lines = (tmp_path / "short.txt").read_text().splitlines()
    (tmp_path / "short.txt").write_text("\n".join(lines[:-3] + lines[-1:]))
    with pytest.raises(ValueError, match=r"short.txt announces 13 lines of numbers and has 11"):
        data.read_gmm(tmp_path / "short.txt")

"""Golden CIELAB values for lab_test.go, in Python's own double precision; needs nothing but Python 3.

The conversion is written from IEC 61966-2-1 (sRGB), and CIE 15 with the 1976 cube root's published rational
constants (knee 216/24389, slope 24389/27/116), not with the rounded ones that the Go code shares with
scikit-image and OpenCV: the two agree to 2e-3.
"""

M = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
WHITE = [sum(row) for row in M]


def lab(rgb):
    light = [((v / 255 + 0.055) / 1.055) ** 2.4 if v / 255 > 0.04045 else v / 255 / 12.92 for v in rgb]
    xyz = [sum(m * x for m, x in zip(row, light)) / w for row, w in zip(M, WHITE)]
    f = [t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in xyz]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


for rgb in [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0),
            (0, 255, 255), (255, 0, 255), (12, 8, 3), (200, 120, 40), (31, 64, 92), (250, 128, 114)]:
    print("\t{%d, %d, %d, %.5f, %.5f, %.5f}," % (*rgb, *lab(rgb)))

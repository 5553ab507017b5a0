// Package picture is the one place where pictures are decoded, encoded and resized.
//
// What arrives from Kafka may be anything, and OpenCV kills the process when it is fed nonsense (an empty
// buffer is a segmentation fault, a huge header an uncaught C++ exception), so bytes reach it only after
// Header and the scan behind it have found a plain JPEG of bearable size. Everything else, and everything
// whose CRC did not travel with it, is decoded by Go's own image/jpeg and image/png, which refuse what is
// truncated or damaged where OpenCV fills the rest with grey.
package picture

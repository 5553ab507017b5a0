// Package capture reads video files, RTSP and HTTP streams and V4L2 devices through OpenCV's FFmpeg and V4L2
// backends, and compresses each frame to JPEG. Mats never leave it.
//
// Run one Source per process: OpenCV opens captures one after the other, its options are the process's
// environment, a read may block for ever, and a bad buffer ends the process.
package capture

// Package online is a run as it happens: frames are read back from Kafka, decoded in order, handed to the
// trainer, and what comes out goes to the sinks and to whoever watches.
package online

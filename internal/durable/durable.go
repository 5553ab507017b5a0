// Package durable makes names on the disk survive a power cut.
package durable

import (
	"errors"
	"os"
)

// SyncDir forces to the disk what was made, renamed and removed in a folder: a file's own Sync does not do that for
// its name.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package train

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/nearfar/nearfar/internal/durable"
)

// disk is what writing checkpoints asks of a file system, one method a system call or two. Tests put one in its
// place that fails, or ends, at a call of their choice.
type disk interface {
	MkdirAll(path string) error
	Mkdir(path string) error
	Create(path string) (diskFile, error)
	Rename(from, to string) error
	RemoveAll(path string) error
	SyncDir(path string) error // what was made, renamed and removed in it survives a power cut
}

// diskFile is a file being written.
type diskFile interface {
	io.Writer
	Sync() error
	Close() error
}

// realDisk is the operating system's.
type realDisk struct{}

func (realDisk) MkdirAll(path string) error   { return os.MkdirAll(path, 0o755) }
func (realDisk) Mkdir(path string) error      { return os.Mkdir(path, 0o755) }
func (realDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (realDisk) RemoveAll(path string) error  { return os.RemoveAll(path) }
func (realDisk) SyncDir(path string) error    { return durable.SyncDir(path) }

func (realDisk) Create(path string) (diskFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err // and no nil *os.File in an interface
	}
	return f, nil
}

// exists says whether there is anything at path.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

package train

import (
	"errors"
	"os"
	"path/filepath"
)

// errCrashed is what a faultDisk panics with where the process is to die.
var errCrashed = errors.New("the process died here")

// How a faultDisk fails at its call.
const (
	failing     = iota // the call does nothing and returns an error; a write has written half
	dyingBefore        // the process dies before the call has done anything; a write has written half
	dyingAfter         // the process dies when the call is done
	powerCut           // as dyingAfter, and the bytes of files that were not synced are gone
)

// faultDisk is a file system that fails at one call. It forces nothing to the real disk: what was synced it
// remembers, and what was not is lost in a power cut.
type faultDisk struct {
	real    realDisk
	at      int  // call that fails, from 1; 0: none
	from    bool // and every one after it
	how     int
	err     error
	calls   int
	call    string // that failed
	open    []*faultFile
	unsaved map[string]bool // files with bytes that a power cut takes
}

type faultFile struct {
	d    *faultDisk
	path string
	f    diskFile
}

// do is one system call.
func (d *faultDisk) do(name string, half, whole func() error) error {
	d.calls++
	if d.at == 0 || d.calls < d.at || d.calls > d.at && !d.from {
		return whole()
	}
	d.call = name
	switch d.how {
	case failing:
		return errors.Join(half(), &os.PathError{Op: name, Path: "checkpoint", Err: d.err})
	case dyingBefore:
		if err := half(); err != nil {
			return err
		}
		panic(errCrashed)
	}
	if err := whole(); err != nil {
		return err
	}
	panic(errCrashed)
}

func nothing() error { return nil }

func (d *faultDisk) MkdirAll(p string) error {
	return d.do("mkdirall", nothing, func() error { return d.real.MkdirAll(p) })
}

func (d *faultDisk) Mkdir(p string) error {
	return d.do("mkdir", nothing, func() error { return d.real.Mkdir(p) })
}

func (d *faultDisk) SyncDir(p string) error { return d.do("fsync of the folder", nothing, nothing) }

func (d *faultDisk) Rename(from, to string) error {
	return d.do("rename", nothing, func() error {
		for p := range d.unsaved {
			if filepath.Dir(p) == from {
				delete(d.unsaved, p)
				d.unsaved[filepath.Join(to, filepath.Base(p))] = true
			}
		}
		return d.real.Rename(from, to)
	})
}

// RemoveAll that is cut short has removed the first file.
func (d *faultDisk) RemoveAll(p string) error {
	return d.do("remove", func() error {
		entries, err := os.ReadDir(p)
		if err != nil || len(entries) == 0 {
			return nil
		}
		return os.RemoveAll(filepath.Join(p, entries[0].Name()))
	}, func() error { return d.real.RemoveAll(p) })
}

func (d *faultDisk) Create(p string) (diskFile, error) {
	var f *faultFile
	err := d.do("create", nothing, func() error {
		real, err := d.real.Create(p)
		if err == nil {
			f = &faultFile{d, p, real}
			d.open = append(d.open, f)
			d.unsaved[p] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (f *faultFile) Write(b []byte) (n int, err error) {
	err = f.d.do("write", func() (err error) { n, err = f.f.Write(b[:len(b)/2]); return err }, func() (err error) { n, err = f.f.Write(b); return err })
	return n, err
}

func (f *faultFile) Sync() error {
	return f.d.do("fsync", nothing, func() error { delete(f.d.unsaved, f.path); return nil })
}

func (f *faultFile) Close() error {
	return f.d.do("close", nothing, f.f.Close)
}

// crash ends the process that used the disk: died says whether it died by a fault.
func (d *faultDisk) crash(work func() error) (died bool, err error) {
	defer func() {
		if r := recover(); r == errCrashed {
			died = true
		} else if r != nil {
			panic(r)
		}
		for _, f := range d.open {
			_ = f.f.Close() // as the end of a process does
		}
		if died && d.how == powerCut {
			for p := range d.unsaved {
				err = errors.Join(err, os.Truncate(p, 0))
			}
		}
	}()
	return false, work()
}

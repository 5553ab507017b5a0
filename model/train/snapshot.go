package train

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Format is the version of the checkpoint directory. A loader refuses others.
const Format = 1

// ErrNoCheckpoint says that a directory holds no checkpoint that verifies.
var ErrNoCheckpoint = errors.New("no checkpoint")

// manifest is what a checkpoint says of itself; it is written last, so a directory with a manifest that
// verifies is whole.
type manifest struct {
	Format int                 `json:"format"`
	Run    string              `json:"run"`
	Step   uint64              `json:"step"`
	Files  map[string]fileSeal `json:"files"`
}

type fileSeal struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// part is one file of a checkpoint.
type part struct {
	name  string
	write func(io.Writer) error
}

// writeSnapshot writes parts as dir/name so that a crash at any moment leaves either all of it or none:
// temporary directory → fsync each file → fsync directory → rename → fsync parent.
func writeSnapshot(dir, name string, m manifest, parts []part) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	temp := filepath.Join(dir, ".tmp-"+name)
	if err := os.RemoveAll(temp); err != nil {
		return "", err
	}
	if err := os.Mkdir(temp, 0o755); err != nil {
		return "", err
	}
	m.Format, m.Files = Format, map[string]fileSeal{}
	for _, p := range parts {
		seal, err := writeSealed(filepath.Join(temp, p.name), p.write)
		if err != nil {
			return "", errors.Join(err, os.RemoveAll(temp))
		}
		m.Files[p.name] = seal
	}
	_, err := writeSealed(filepath.Join(temp, "manifest.json"), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(m)
	})
	if err == nil {
		err = syncDir(temp)
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(temp))
	}
	path := filepath.Join(dir, name)
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	if err := os.Rename(temp, path); err != nil {
		return "", err
	}
	return path, syncDir(dir)
}

// writeSealed writes one file, forces it to the disk and returns its size and hash.
func writeSealed(path string, write func(io.Writer) error) (fileSeal, error) {
	f, err := os.Create(path)
	if err != nil {
		return fileSeal{}, err
	}
	hash := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(f, hash), 1<<20)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	size, _ := f.Seek(0, io.SeekEnd)
	if err := errors.Join(err, f.Close()); err != nil {
		return fileSeal{}, fmt.Errorf("writing %s: %w", path, err)
	}
	return fileSeal{size, hex.EncodeToString(hash.Sum(nil))}, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// verify reads a checkpoint's manifest and compares every file with it.
func verify(path string) (manifest, error) {
	var m manifest
	b, err := os.ReadFile(filepath.Join(path, "manifest.json"))
	if err != nil {
		return m, fmt.Errorf("reading the manifest of %s: %w", path, err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("reading the manifest of %s: %w", path, err)
	}
	if m.Format != Format {
		return m, fmt.Errorf("checkpoint %s has format %d, this nearfar reads %d", path, m.Format, Format)
	}
	for name, want := range m.Files {
		if got, err := sealOf(filepath.Join(path, name)); err != nil {
			return m, fmt.Errorf("verifying checkpoint %s: %w", path, err)
		} else if got != want {
			return m, fmt.Errorf("checkpoint %s is damaged: %s has %d bytes and hash %.12s, was written with %d and %.12s", path, name, got.Size, got.SHA256, want.Size, want.SHA256)
		}
	}
	return m, nil
}

func sealOf(path string) (fileSeal, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileSeal{}, err
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	return fileSeal{n, hex.EncodeToString(hash.Sum(nil))}, err
}

// Latest is the newest checkpoint below dir that verifies, and what was wrong with newer ones. dir may
// also be a checkpoint itself, or a run's folder that holds checkpoints/.
func Latest(dir string) (path string, skipped []error, err error) {
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err == nil {
		_, err := verify(dir)
		return dir, nil, err
	}
	if sub := filepath.Join(dir, "checkpoints"); isDir(sub) {
		dir = sub
	}
	names, err := snapshots(dir)
	if err != nil {
		return "", nil, fmt.Errorf("%w in %s: %w", ErrNoCheckpoint, dir, err)
	}
	for _, name := range slices.Backward(names) {
		path := filepath.Join(dir, name)
		if _, err := verify(path); err != nil {
			skipped = append(skipped, err)
			continue
		}
		return path, skipped, nil
	}
	return "", skipped, fmt.Errorf("%w in %s", errors.Join(append(skipped, ErrNoCheckpoint)...), dir)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// snapshots are the checkpoints below dir, oldest first: their names sort by step.
func snapshots(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), "step-") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// retain deletes all but the newest keep checkpoints.
func retain(dir string, keep int) error {
	names, err := snapshots(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names[:max(0, len(names)-max(1, keep))] {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

package train

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Format is the version of the checkpoint directory. A loader refuses others.
const Format = 2

// ErrNoCheckpoint says that a directory holds no checkpoint that verifies.
var ErrNoCheckpoint = errors.New("no checkpoint")

// manifest is what a checkpoint says of itself; it is written last, so a directory with a manifest that
// verifies is whole.
type manifest struct {
	Format int                 `json:"format"`
	Run    string              `json:"run"`
	Step   uint64              `json:"step"`
	Epoch  uint64              `json:"epoch,omitempty"` // of the trainer that wrote it, see Outputs.Epoch
	Score  *float64            `json:"score,omitempty"` // how good it is, where that was measured: the best is kept
	Files  map[string]fileSeal `json:"files"`
}

// manifestFile is the file of the manifest.
const manifestFile = "manifest.json"

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
// temporary directory → fsync each file → fsync directory → rename → fsync parent. A checkpoint of that name
// which is whole stays whole, set aside, until the new one is in its place.
func writeSnapshot(d disk, dir, name string, m manifest, parts []part) (string, error) {
	if err := d.MkdirAll(dir); err != nil {
		return "", err
	}
	temp := filepath.Join(dir, partial+name)
	if err := d.RemoveAll(temp); err != nil {
		return "", err
	}
	if err := d.Mkdir(temp); err != nil {
		return "", err
	}
	if err := fill(d, temp, m, parts); err != nil {
		return "", errors.Join(err, d.RemoveAll(temp))
	}
	path := filepath.Join(dir, name)
	if err := makeRoom(d, path); err != nil {
		return "", err
	}
	if err := d.Rename(temp, path); err != nil {
		return "", err
	}
	if err := d.SyncDir(dir); err != nil {
		return "", fmt.Errorf("forcing %s to the disk: %w", dir, err)
	}
	return path, d.RemoveAll(path + aside)
}

// fill writes the files of a checkpoint, and the manifest last.
func fill(d disk, temp string, m manifest, parts []part) error {
	m.Format, m.Files = Format, map[string]fileSeal{}
	for _, p := range parts {
		seal, err := writeSealed(d, filepath.Join(temp, p.name), p.write)
		if err != nil {
			return err
		}
		m.Files[p.name] = seal
	}
	_, err := writeSealed(d, filepath.Join(temp, manifestFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(m)
	})
	if err != nil {
		return err
	}
	if err := d.SyncDir(temp); err != nil {
		return fmt.Errorf("forcing %s to the disk: %w", temp, err)
	}
	return nil
}

// makeRoom frees the name of a checkpoint. What lies there goes aside if it is whole, where the loader finds
// it; if it is damaged it goes, and one that is aside already stays.
func makeRoom(d disk, path string) error {
	switch there, err := exists(path); {
	case err != nil || !there:
		return err
	}
	if _, err := verify(path); err != nil {
		return d.RemoveAll(path)
	}
	if err := d.RemoveAll(path + aside); err != nil {
		return err
	}
	return d.Rename(path, path+aside)
}

// writeSealed writes one file, forces it to the disk and returns its size and hash.
func writeSealed(d disk, path string, write func(io.Writer) error) (fileSeal, error) {
	f, err := d.Create(path)
	if err != nil {
		return fileSeal{}, err
	}
	sum := &sealer{hash: sha256.New()}
	buffered := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fileSeal{}, fmt.Errorf("writing %s: %w", path, err)
	}
	return sum.seal(), nil
}

// sealer counts and hashes what passes.
type sealer struct {
	hash hash.Hash
	size int64
}

func (s *sealer) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	return s.hash.Write(p)
}

func (s *sealer) seal() fileSeal { return fileSeal{s.size, hex.EncodeToString(s.hash.Sum(nil))} }

// readManifest reads what a checkpoint says of itself.
func readManifest(path string) (manifest, error) {
	var m manifest
	b, err := os.ReadFile(filepath.Join(path, manifestFile))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return m, fmt.Errorf("reading the manifest of %s: %w", path, err)
	}
	return m, nil
}

// verify reads a checkpoint's manifest and compares every file with it.
func verify(path string) (manifest, error) {
	m, err := readManifest(path)
	if err != nil {
		return m, err
	}
	if m.Format != Format {
		return m, fmt.Errorf("checkpoint %s has format %d, this nearfar reads %d", path, m.Format, Format)
	}
	for _, name := range []string{queryFile, stateFile} {
		if _, ok := m.Files[name]; !ok {
			return m, fmt.Errorf("checkpoint %s is damaged: its manifest lacks %s", path, name)
		}
	}
	for name, want := range m.Files {
		if name != filepath.Base(name) || !filepath.IsLocal(name) { // a manifest may come from anybody
			return m, fmt.Errorf("checkpoint %s is damaged: its manifest names %q, which is no file of it", path, name)
		}
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
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return fileSeal{}, errors.Join(fmt.Errorf("%s is no regular file", path), err)
	}
	sum := &sealer{hash: sha256.New()}
	_, err = io.Copy(sum, f)
	return sum.seal(), err
}

// Latest is the newest checkpoint below dir that verifies, and what was wrong with newer ones. dir may
// also be a checkpoint itself, or a run's folder that holds checkpoints/.
func Latest(dir string) (path string, skipped []error, err error) {
	if _, err := os.Stat(filepath.Join(dir, manifestFile)); err == nil {
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

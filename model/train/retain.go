package train

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// aside is what the name of a checkpoint ends in while one of the same step takes its place.
const aside = ".old"

// snapshots are the checkpoints below dir, oldest first: their names sort by step, and one that was set aside
// comes before the one that takes its place.
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
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(strings.Compare(strings.TrimSuffix(a, aside), strings.TrimSuffix(b, aside)), cmp.Compare(len(b), len(a)))
	})
	return names, nil
}

// partial is what the name of a checkpoint begins with while it is being written.
const partial = ".tmp-"

// retain deletes all but the newest keep checkpoints up to newest, which was just written, and the one with the
// best score, if any has one; and what earlier lives left half written. What lies behind newest was passed over
// as damaged when the run was resumed, and must not push whole ones out.
func retain(d disk, dir, newest string, keep int) error {
	names, err := snapshots(dir)
	if err != nil {
		return err
	}
	at := slices.Index(names, newest)
	if at < 0 {
		return nil
	}
	var errs []error
	old := names[:max(0, at+1-max(1, keep))]
	best := bestOf(dir, names[:at+1])
	for _, name := range old {
		if name != best {
			errs = append(errs, discard(d, dir, name))
		}
	}
	entries, err := os.ReadDir(dir)
	errs = append(errs, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partial) {
			errs = append(errs, d.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// discard deletes a checkpoint so that a crash leaves all of it or something that is taken for none.
func discard(d disk, dir, name string) error {
	gone := filepath.Join(dir, partial+name)
	if err := d.RemoveAll(gone); err != nil {
		return err
	}
	if err := d.Rename(filepath.Join(dir, name), gone); err != nil {
		return err
	}
	return d.RemoveAll(gone)
}

// bestOf is the checkpoint with the highest score, the newest of equals; "" where none has one.
func bestOf(dir string, names []string) string {
	best, score := "", 0.0
	for _, name := range names {
		m, err := readManifest(filepath.Join(dir, name))
		if err == nil && m.Score != nil && (best == "" || *m.Score >= score) {
			best, score = name, *m.Score
		}
	}
	return best
}

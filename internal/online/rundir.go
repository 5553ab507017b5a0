package online

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/nearfar/nearfar/model/train"
)

// Record is run.json: what the run is, made when it starts and completed when it ends.
type Record struct {
	ID       string            `json:"id"`
	Owner    string            `json:"owner"` // drawn for this folder: it tells the run from others of the same name
	Started  time.Time         `json:"started"`
	Resumed  []time.Time       `json:"resumed,omitempty"`
	Ended    *time.Time        `json:"ended,omitempty"` // the stream was over and all of it learned
	Seed     uint64            `json:"seed"`
	Versions map[string]string `json:"versions"` // of nearfar (with its commit), Go, and the libraries
	Config   json.RawMessage   `json:"config"`   // resolved, secrets masked
	Summary  any               `json:"summary,omitempty"`
}

// RunDir is a run's folder: run.json, metrics.jsonl, checkpoints/, embeddings.jsonl, and the embedded
// broker's log. One process at a time holds it.
type RunDir struct {
	Path    string
	Record  Record
	lock    *flock.Flock
	metrics *os.File
	last    Status
}

// ErrRunBusy says that another process holds the run.
var ErrRunBusy = errors.New("another nearfar works in this run's folder; stop it, or choose another --out")

// OpenRun takes a run's folder, new or begun, for this process alone.
func OpenRun(path string, fresh Record) (*RunDir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("making the run's folder: %w", err)
	}
	d := &RunDir{Path: path, lock: flock.New(filepath.Join(path, "run.lock"))}
	held, err := d.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	if !held {
		return nil, fmt.Errorf("%s: %w", path, ErrRunBusy)
	}
	if err := d.open(fresh); err != nil {
		if d.metrics != nil {
			err = errors.Join(err, d.metrics.Close())
		}
		return nil, errors.Join(err, d.lock.Unlock())
	}
	return d, nil
}

func (d *RunDir) open(fresh Record) error {
	old, err := ReadRecord(d.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.Record = fresh
		d.Record.Owner = rand.Text()
	case err != nil:
		return err
	default:
		d.Record = fresh
		d.Record.ID, d.Record.Owner, d.Record.Started = old.ID, old.Owner, old.Started
		d.Record.Resumed = append(old.Resumed, fresh.Started)
	}
	if err := d.openMetrics(filepath.Join(d.Path, "metrics.jsonl")); err != nil {
		return err
	}
	return d.Save()
}

// metricsTail is how much of metrics.jsonl is read to find its last line, bytes.
const metricsTail = 64 << 10

// openMetrics goes on behind the last whole line, and reads it: a process that was killed may have left half
// a line behind it.
func (d *RunDir) openMetrics(name string) (err error) {
	if d.metrics, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return err
	}
	size, err := d.metrics.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	tail := make([]byte, min(size, metricsTail))
	if _, err := d.metrics.ReadAt(tail, size-int64(len(tail))); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	torn := len(tail) - bytes.LastIndexByte(tail, '\n') - 1
	if last := bytes.TrimSpace(tail[:len(tail)-torn]); len(last) > 0 {
		last = last[bytes.LastIndexByte(last, '\n')+1:]
		if err := json.Unmarshal(last, &d.last); err != nil {
			return fmt.Errorf("reading the last line of %s: %w; move the file away", name, err)
		}
	}
	if err := d.metrics.Truncate(size - int64(torn)); err != nil {
		return err
	}
	_, err = d.metrics.Seek(size-int64(torn), io.SeekStart)
	return err
}

// Last is how the run stood when its life before this one ended.
func (d *RunDir) Last() Status { return d.last }

// ReadRecord reads a run's run.json.
func ReadRecord(path string) (Record, error) {
	var r Record
	name := filepath.Join(path, "run.json")
	b, err := os.ReadFile(name)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", name, err)
	}
	return r, nil
}

// Save writes run.json, all of it or none.
func (d *RunDir) Save() error {
	b, err := json.MarshalIndent(d.Record, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(d.Path, "run.json")
	if err := os.WriteFile(name+".tmp", append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

// Checkpoints is where the run's checkpoints lie.
func (d *RunDir) Checkpoints() string { return filepath.Join(d.Path, "checkpoints") }

// Latest is the checkpoint to go on from, "" where there is none yet; damaged are those that were passed over.
func (d *RunDir) Latest() (path string, damaged []error, err error) {
	path, damaged, err = train.Latest(d.Checkpoints())
	if errors.Is(err, train.ErrNoCheckpoint) && len(damaged) == 0 {
		return "", nil, nil
	}
	return path, damaged, err
}

// Metrics appends a line to metrics.jsonl.
func (d *RunDir) Metrics(s Status) error { return json.NewEncoder(d.metrics).Encode(s) }

// Close lets the folder go.
func (d *RunDir) Close() error { return errors.Join(d.metrics.Close(), d.lock.Unlock()) }

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nearfar/nearfar/internal/npy"
	"github.com/nearfar/nearfar/streams/frame"
)

// output is the file that `nearfar embed` writes.
type output struct {
	write  func(context.Context, []frame.Embedding) error
	finish func() error // completes and closes it
	files  []string
}

// openOutput begins a file that does not exist yet: X.jsonl, or X.npy with X.index.jsonl beside it.
func openOutput(path string) (*output, error) {
	if filepath.Ext(path) == ".jsonl" {
		return openLines(path)
	}
	return openMatrix(path)
}

// close completes the output after its work went well; after err it removes what was written, so that the
// work can be done again under the same name.
func (o *output) close(err error) error {
	finishErr := o.finish()
	if err == nil && finishErr == nil {
		return nil
	}
	for _, path := range o.files {
		if removeErr := os.Remove(path); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return errors.Join(err, finishErr)
}

// create makes a file that must not exist; flag is the one that names it.
func create(path, flag string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s exists already: choose another %s, or move it away", path, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", flag, err)
	}
	return f, nil
}

func openLines(path string) (*output, error) {
	f, err := create(path, "--output")
	if err != nil {
		return nil, err
	}
	enc := json.NewEncoder(f)
	write := func(_ context.Context, es []frame.Embedding) error {
		for _, e := range es {
			if err := enc.Encode(e); err != nil {
				return fmt.Errorf("writing %s: %w", path, err)
			}
		}
		return nil
	}
	return &output{write: write, finish: f.Close, files: []string{path}}, nil
}

// indexRow says what a row of an .npy is.
type indexRow struct {
	Row      int       `json:"row"`
	ID       string    `json:"id"`
	Path     string    `json:"path"` // or topic
	Offset   int64     `json:"offset"`
	Label    string    `json:"label,omitempty"`
	Camera   string    `json:"camera"`
	Captured time.Time `json:"captured"`
	Model    string    `json:"model"`
}

// openMatrix takes both names at once; the matrix is written when all its rows are known.
func openMatrix(path string) (*output, error) {
	matrix, err := create(path, "--output")
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(path, ".npy") + ".index.jsonl"
	index, err := create(name, "--output")
	if err != nil {
		return nil, errors.Join(err, matrix.Close(), os.Remove(path))
	}
	enc := json.NewEncoder(index)
	var data []float32
	rows, dim := 0, 0
	write := func(_ context.Context, es []frame.Embedding) error {
		for _, e := range es {
			if rows > 0 && len(e.Vector) != dim {
				return fmt.Errorf("writing %s: an embedding of %d numbers after others of %d (did the model change?)", path, len(e.Vector), dim)
			}
			dim = len(e.Vector)
			data = append(data, e.Vector...)
			if err := enc.Encode(indexRow{rows, e.ID, e.Ref.Topic, e.Ref.Offset, e.Label, e.Camera, e.Captured, e.Model}); err != nil {
				return fmt.Errorf("writing %s: %w", name, err)
			}
			rows++
		}
		return nil
	}
	finish := func() error { return errors.Join(matrix.Close(), npy.Write(path, rows, dim, data), index.Close()) }
	return &output{write: write, finish: finish, files: []string{path, name}}, nil
}

package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/frame"
)

// FuzzManifest: a manifest that verifies names files of its own folder, as they are.
func FuzzManifest(f *testing.F) {
	base := f.TempDir()
	path, err := writeSnapshot(realDisk{}, base, "step-0000000001", manifest{Run: "test", Step: 1}, tell("words"))
	if err != nil {
		f.Fatal(err)
	}
	file := filepath.Join(path, manifestFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"format":2,"files":{}}`))
	f.Add(bytes.Replace(whole, []byte(`"files": {`), []byte(`"files": {"../../../../../dev/zero": {"size":1,"sha256":"x"},`), 1))
	f.Add(bytes.Replace(whole, []byte(`"files": {`), []byte(`"files": {".": {"size":1,"sha256":"x"},`), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := verify(path)
		if err != nil {
			return
		}
		for name, seal := range m.Files {
			text, err := os.ReadFile(filepath.Join(path, name))
			sum := sha256.Sum256(text)
			if err != nil || strings.ContainsRune(name, filepath.Separator) || seal.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%q verifies: %v", name, err)
			}
		}
	})
}

// FuzzState: a checkpoint whose manifest is right and whose state is anything gives a network or an error.
func FuzzState(f *testing.F) {
	write := func(t testing.TB, dir string, data []byte) string {
		parts := tell("")
		parts[1].write = writerTo(func(w io.Writer) (int64, error) { n, err := w.Write(data); return int64(n), err })
		path, err := writeSnapshot(realDisk{}, dir, "step-0000000001", manifest{Run: "test", Step: 1}, parts)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, err := json.Marshal(state{Settings: settingsFor(1), Step: 3, Repeats: repeats{"cam": {}}, Positions: map[int]int64{0: 7}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`null`))
	f.Add([]byte(`{"repeats":{"cam":null,"two":{"ring":null,"next":-1}}}`))
	f.Add(bytes.Replace(whole, []byte(`"Projection":16`), []byte(`"Projection":1099511627776`), 1))
	f.Add(bytes.Replace(whole, []byte(`"Image":`), []byte(`"Image":-`), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := write(t, t.TempDir(), data)
		s, err := readState(path)
		if err != nil {
			return
		}
		if _, _, err := LoadWeights(path); err == nil {
			t.Error("weights came out of a file without any")
		}
		if s.Repeats != nil && s.Repeats.check() == nil {
			for range 2 * rememberedSights {
				s.Repeats.again(frame.Meta{Camera: "cam"}, 1)
			}
		}
	})
}

// FuzzMerge: frames that waited in the merge are frames, or refused.
func FuzzMerge(f *testing.F) {
	waiting := streamOf(2)
	whole, err := json.Marshal(map[string]streams.MergeState[*frame.Frame]{"rig": {Pending: waiting, Lanes: []streams.LaneState{{Name: "left"}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"rig":{"Pending":[null]}}`))
	f.Add([]byte(`{"rig":{"Pending":[{"Camera":"a","Width":4294967296,"Height":4294967296}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := &Trainer{set: settingsFor(1), merge: map[string]*streams.Merger[*frame.Frame]{}}
		if err := tr.restoreMerge(bytes.NewReader(data), int64(len(data))); err != nil {
			return
		}
		for _, m := range tr.merge {
			err := m.Flush(func(f *frame.Frame) error {
				if len(f.Pix) != 3*f.Width*f.Height {
					t.Errorf("%d bytes for %d×%d px", len(f.Pix), f.Width, f.Height)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}

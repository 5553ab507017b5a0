// Package arch holds the arrows between the rooms: docs/design.md says which room may import which, and
// this test reads the imports of every file.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/nearfar/nearfar/"

// anyone may import these: they import no room themselves.
var anyone = []string{"internal/seed", "internal/durable", "internal/record", "internal/natural", "internal/realdata", "internal/resident"}

// may says which other rooms a room may import outside its tests. A room is the longest entry that a
// package's folder begins with; rooms of internal/ that are not named here are for cmd alone and may import
// what they like.
var may = map[string][]string{
	"streams":              {},
	"streams/frame":        {},
	"streams/topic":        {"streams", "streams/frame"},
	"streams/broker":       {},
	"sources":              {"streams", "streams/frame", "internal/picture"},
	"sampler":              {"streams/frame"},
	"sampler/pretext":      {"streams/frame"},
	"bank":                 {"streams/frame", "model/kernel"},
	"model":                {"model/kernel"},
	"model/kernel":         {},
	"loss":                 {"model/kernel"},
	"model/objective":      {"sampler", "sampler/pretext", "model", "model/kernel", "loss", "bank", "streams/frame", "internal/safetensors"},
	"model/train":          {"sampler", "model", "model/kernel", "model/objective", "loss", "bank", "streams", "streams/frame", "internal/safetensors"},
	"sinks":                {"streams", "streams/frame"},
	"internal/seed":        {},
	"internal/durable":     {},
	"internal/realdata":    {},
	"internal/record":      {},
	"internal/natural":     {},
	"internal/resident":    {},
	"internal/picture":     {"streams/frame"},
	"internal/eval":        {"streams/frame", "model/kernel"},
	"internal/sheet":       {"streams/frame"},
	"internal/npy":         {},
	"internal/safetensors": {},
}

// only says which rooms alone may import a library of consequence.
var only = map[string][]string{
	"gocv.io/x/gocv":                     {"sources/capture", "internal/picture", "internal/mattest"},
	"github.com/segmentio/kafka-go":      {"streams/topic"},
	"github.com/twmb/franz-go/pkg/kfake": {"streams/broker"},
	"github.com/reugn/go-streams":        {"streams"},
	"gorgonia.org/gorgonia":              {"model", "model/kernel", "model/objective", "model/train", "loss"},
	"math/rand":                          {},
}

func TestImportsFollowTheArrows(t *testing.T) {
	files := 0
	walk(t, "../..", func(path, rel string) {
		files++
		if err := check(t, path, rel); err != nil {
			t.Fatal(err)
		}
	})
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

// walk visits every Go file; rel is its path in the repository, with slashes.
func walk(t *testing.T, root string, visit func(path, rel string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "runs") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err == nil {
			visit(path, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, path, rel string) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	from := filepath.ToSlash(filepath.Dir(rel))
	isTest := strings.HasSuffix(rel, "_test.go") || strings.HasSuffix(from, "test")
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		for library, rooms := range only {
			if (name == library || strings.HasPrefix(name, library+"/") && library != "math/rand") && !isTest && !within(from, rooms) {
				t.Errorf("%s imports %s, which only %v may", rel, name, rooms)
			}
		}
		to, ours := strings.CutPrefix(name, module)
		if !ours || isTest {
			continue
		}
		room, bound := roomOf(from)
		if !bound || within(to, []string{room}) && !rooms(to, room) || within(to, anyone) {
			continue
		}
		if !slices.Contains(may[room], to) {
			t.Errorf("%s imports %s: the room %s may import %v", rel, to, room, may[room])
		}
	}
	return nil
}

// rooms says whether to is a room of its own below another.
func rooms(to, room string) bool { r, _ := roomOf(to); return r != room }

// within says whether a folder is one of the rooms or lies in one.
func within(folder string, rooms []string) bool {
	for _, r := range rooms {
		if folder == r || strings.HasPrefix(folder, r+"/") {
			return true
		}
	}
	return false
}

// roomOf is the longest room that the folder lies in.
func roomOf(folder string) (room string, ok bool) {
	for r := range may {
		if within(folder, []string{r}) && len(r) > len(room) {
			room = r
		}
	}
	return room, room != ""
}

func TestTopLevelHoldsNothingElse(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"streams", "sources", "sampler", "model", "loss", "bank", "sinks", "cmd", "deploy", "internal", "docs", "bench", "bin", "runs"}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(known, e.Name()) {
			t.Errorf("%s/ is no folder of the design", e.Name())
		}
	}
}

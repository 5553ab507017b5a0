package still

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nearfar/nearfar/internal/natural"
)

// scene is a folder that holds pictures itself.
type scene struct {
	label  string   // as it is listed below the root: "cup", "kitchen/cup"; the root's own name for the root
	target string   // the same, after its last symbolic link
	paths  []string // of the pictures, in natural order
}

// list finds the scenes below root, in the order of a walk that visits folders in natural order.
func list(root string) ([]scene, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", root, err)
	}
	var scenes []scene
	return scenes, walk(root, filepath.Base(abs), "", nil, &scenes)
}

// walk appends the scenes of one folder. above are the folders it lies in, links resolved: a link that leads
// back to one of them has no end.
func walk(dir, label, below string, above []fs.FileInfo, out *[]scene) error {
	here, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("listing pictures: %w", err)
	}
	if slices.ContainsFunc(above, func(i fs.FileInfo) bool { return os.SameFile(i, here) }) {
		return fmt.Errorf("listing pictures: the symbolic link %s leads back to a folder it lies in; remove it", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("listing pictures: %w", err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return natural.Compare(a.Name(), b.Name()) })
	s := scene{label: label, target: label}
	if real, err := filepath.EvalSymlinks(dir); err == nil && below != "" {
		s.target = filepath.Base(real)
	}
	var folders []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		folder := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			folder = err == nil && info.IsDir() // a dangling link is told of when its turn comes
		}
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case folder:
			folders = append(folders, e.Name())
		case isPicture(e.Name()):
			s.paths = append(s.paths, path)
		}
	}
	if len(s.paths) > 0 {
		*out = append(*out, s)
	}
	above = append(slices.Clip(above), here)
	for _, name := range folders {
		rel := name
		if below != "" {
			rel = below + "/" + name
		}
		if err := walk(filepath.Join(dir, name), rel, rel, above, out); err != nil {
			return err
		}
	}
	return nil
}

func isPicture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jpg", ".jpeg", ".png":
		return true
	}
	return false
}

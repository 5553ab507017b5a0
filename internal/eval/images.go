package eval

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nearfar/nearfar/internal/natural"
)

// Image is a labelled picture that has not been read yet.
type Image struct {
	Path  string
	Label string // the name of its class
}

// Images lists the pictures (.jpg, .jpeg, .png) of a labelled folder tree: every folder in dir is a class,
// its name the label, and holds pictures, directly or in folders of its own. Classes and pictures come in
// natural order (2 before 10); symbolic links are followed; names that begin with a dot are left out.
//
// A folder without classes, a class without pictures, a picture beside the classes, a link to nowhere and a
// folder that holds itself are errors that name the path.
func Images(dir string) ([]Image, error) {
	entries, err := list(dir)
	if err != nil {
		return nil, fmt.Errorf("listing labelled pictures: %w", err)
	}
	var images []Image
	for _, e := range entries {
		switch {
		case e.dir:
			before := len(images)
			if images, err = walk(images, e.path, filepath.Base(e.path), []string{dir}); err != nil {
				return nil, fmt.Errorf("listing labelled pictures: %w", err)
			}
			if len(images) == before {
				return nil, fmt.Errorf("listing labelled pictures: class folder %s holds no .jpg or .png", e.path)
			}
		case picture(e.path):
			return nil, fmt.Errorf("listing labelled pictures: %s has no label: move it into the folder of its class", e.path)
		}
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("listing labelled pictures: %s holds no class folders (expected %s)", dir, filepath.Join(dir, "class", "picture.jpg"))
	}
	return images, nil
}

// walk appends the pictures below dir; above are the folders it was reached through.
func walk(images []Image, dir, label string, above []string) ([]Image, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	for _, a := range above {
		if other, err := os.Stat(a); err == nil && os.SameFile(info, other) {
			return nil, fmt.Errorf("%s is a link back to %s: remove it", dir, a)
		}
	}
	entries, err := list(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch {
		case e.dir:
			if images, err = walk(images, e.path, label, append(slices.Clone(above), dir)); err != nil {
				return nil, err
			}
		case picture(e.path):
			images = append(images, Image{e.path, label})
		}
	}
	return images, nil
}

// entry is a file or folder, links followed.
type entry struct {
	path string
	dir  bool
}

// list is what lies in dir, in natural order.
func list(dir string) ([]entry, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, e := range all {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{path, info.IsDir()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return natural.Compare(a.path, b.path) })
	return entries, nil
}

func picture(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg", ".png":
		return true
	}
	return false
}

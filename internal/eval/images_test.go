package eval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/natural"

	"pgregory.net/rapid"
)

// tree makes empty files below a new folder.
func tree(t *testing.T, paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range paths {
		p = filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestImagesComeInNaturalOrderWithTheirLabels(t *testing.T) {
	dir := tree(t, "obj10/1.png", "obj2/10.jpg", "obj2/9.JPEG", "obj2/.hidden.png", "obj2/notes.txt", "obj2/night/1.png",
		".git/x/1.png", "README.md")
	elsewhere := tree(t, "7.png")
	if err := os.Symlink(elsewhere, filepath.Join(dir, "obj3")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "7.png"), filepath.Join(dir, "obj10", "2.png")); err != nil {
		t.Fatal(err)
	}
	images, err := Images(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range images {
		rel, err := filepath.Rel(dir, i.Path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, i.Label+" "+rel)
	}
	want := []string{"obj2 obj2/9.JPEG", "obj2 obj2/10.jpg", "obj2 obj2/night/1.png", "obj3 obj3/7.png", "obj10 obj10/1.png", "obj10 obj10/2.png"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n %q, want\n %q", got, want)
	}
}

func TestImagesSaysWhatIsWrongWithAFolder(t *testing.T) {
	loop := tree(t, "a/1.png")
	if err := os.Symlink(loop, filepath.Join(loop, "a", "again")); err != nil {
		t.Fatal(err)
	}
	dangling := tree(t, "a/1.png")
	if err := os.Symlink(filepath.Join(dangling, "nothing"), filepath.Join(dangling, "a", "2.png")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ dir, says string }{
		"missing":              {filepath.Join(loop, "missing"), "missing"},
		"no classes":           {tree(t, "README"), "no class folders"},
		"class without":        {tree(t, "a/1.png", "b/x.txt"), "b holds no .jpg or .png"},
		"beside the classes":   {tree(t, "a/1.png", "2.png"), "2.png has no label"},
		"holds itself":         {loop, "link back"},
		"a link to nowhere":    {dangling, "2.png"},
		"a file, not a folder": {filepath.Join(dangling, "a", "1.png"), "1.png"},
	} {
		if got, err := Images(c.dir); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v, want an error with %q", name, got, err, c.says)
		}
	}
}

func TestNaturalOrderNumbersNames(t *testing.T) {
	want := []string{"", "007", "7", "08", "10", "a", "a1", "a1b", "a2", "a10", "a10b2", "a10b10", "b"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNaturalOrderIsAnOrder(t *testing.T) {
	name := rapid.StringMatching(`[a0-2.]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := name.Draw(t, "a"), name.Draw(t, "b"), name.Draw(t, "c")
		if natural.Compare(a, b) != -natural.Compare(b, a) || (natural.Compare(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d, %d", a, b, natural.Compare(a, b), natural.Compare(b, a))
		}
		if natural.Compare(a, b) <= 0 && natural.Compare(b, c) <= 0 && natural.Compare(a, c) > 0 {
			t.Fatalf("%q ≤ %q ≤ %q, but not %q ≤ %q", a, b, c, a, c)
		}
	})
}

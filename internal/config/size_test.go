package config

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSizesAreRead(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "4096": 4096, "4MiB": 4 << 20, "1.5 GiB": 3 << 29, "500kB": 500_000, "7B": 7, " 2TiB ": 2 << 40} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "4mib", "1e30", "99999999999TiB", "NaN", "x"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestSizesSurviveWriting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Size(rapid.Int64Min(0).Draw(t, "size"))
		if got, err := ParseSize(want.String()); err != nil || got != want {
			t.Fatalf("%d is written %s and read %d, %v", want, want, got, err)
		}
	})
}

func TestNearestKeyIsSuggested(t *testing.T) {
	known := []string{"near", "far", "gap", "skew", "lateness"}
	for word, want := range map[string]string{"nera": "near", "ner": "near", "latenes": "lateness", "zzz": "", "gaps": "gap", "camera": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%s: %q, not %q", word, got, want)
		}
	}
}

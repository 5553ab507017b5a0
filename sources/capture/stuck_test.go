package capture

import (
	"slices"
	"testing"
	"time"
)

func TestAStuckPictureIsToldFromAStillOne(t *testing.T) {
	run := func(pictures ...string) (at int, err error) {
		var s stuck
		for i, wrong := range pictures {
			if err := s.look(wrong, time.Duration(i)*time.Second); err != nil {
				return i, err
			}
		}
		return len(pictures), nil
	}
	if at, err := run("", "", "frozen", "frozen", "grey", "grey", "grey", "frozen"); err == nil || at != 7 {
		t.Errorf("a stream that went wrong after 2 s is found out at %d s, %v", at, err)
	}
	if at, err := run("", "frozen", "frozen", "frozen", "frozen", "", "frozen", "frozen", "frozen", "frozen", ""); err != nil {
		t.Errorf("a slow scene is called stuck at %d s: %v", at, err)
	}
	if at, err := run(slices.Repeat([]string{"frozen"}, 100)...); err != nil {
		t.Errorf("a test picture is called stuck at %d s: %v", at, err)
	}
}

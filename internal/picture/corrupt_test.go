package picture

import (
	"os"
	"strconv"
	"testing"

	"github.com/nearfar/nearfar/internal/picture/picturetest"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// manyCorrupt is how many broken pictures are made: 1,000, or NEARFAR_CORRUPT.
func manyCorrupt(t *testing.T) int {
	t.Helper()
	text := os.Getenv("NEARFAR_CORRUPT")
	if text == "" {
		return 1000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("NEARFAR_CORRUPT is %q, no number of pictures", text)
	}
	return n
}

// TestEveryCorruptPictureIsRefused takes broken messages the way a trainer does, at every size.
func TestEveryCorruptPictureIsRefused(t *testing.T) {
	s, refused := seed.New(11).At("corrupt pictures"), map[string]int{}
	n := manyCorrupt(t)
	for i := range n {
		kind, m := picturetest.Corrupt(s, i)
		for _, size := range []int{0, 16, 64} {
			e, err := frame.Parse(m)
			if err == nil {
				_, err = Decode(e, size)
			}
			if err == nil {
				t.Errorf("picture %d, %s, is taken at %d px", i, kind, size)
				continue
			}
			refused[kind]++
		}
	}
	for _, kind := range picturetest.Kinds() {
		if refused[kind] < 3*(n/len(picturetest.Kinds())) {
			t.Errorf("%s: %d refused of %d", kind, refused[kind], n)
		}
	}
}

// TestTheGoodOnesAreTaken: the same pictures, whole, are no reason to refuse anything.
func TestTheGoodOnesAreTaken(t *testing.T) {
	s := seed.New(11).At("corrupt pictures")
	for i := range 100 {
		e := picturetest.Good(s, i)
		e, err := frame.Parse(e.Message())
		if err == nil {
			_, err = Decode(e, 16)
		}
		if err != nil {
			t.Errorf("picture %d: %v", i, err)
		}
	}
}

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// full says whether faults are tested at full size: NEARFAR_FAULTS=1.
func full() bool { return os.Getenv("NEARFAR_FAULTS") == "1" }

// How large the tests of faults are: `make test` takes the first figure, `make test-faults` (NEARFAR_FAULTS) the
// second, and a variable of the test's own any other.
func faults(t *testing.T, variable string, short, long int) int {
	t.Helper()
	n := short
	if full() {
		n = long
	}
	if text := os.Getenv(variable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("%s=%q is no number of faults", variable, text)
		}
	}
	return n
}

// chance draws the moments of faults: NEARFAR_FAULT_SEED gives others.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	n := uint64(1)
	if text := os.Getenv("NEARFAR_FAULT_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("NEARFAR_FAULT_SEED=%q: %v", text, err)
		}
	}
	return rand.New(rand.NewPCG(n, 0))
}

// momentUpTo is a random time of at most d.
func momentUpTo(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(d) + 1))
}

// smallJPEGs are pictures to number frames with: few, since drawing them takes longer than learning them.
func smallJPEGs(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	for shade := range 32 {
		img := image.NewGray(image.Rect(0, 0, 24, 24))
		for i := range img.Pix {
			img.Pix[i] = uint8(i*(shade+1) + 7*shade)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Bytes())
	}
	return all
}

// filmTopic makes a topic of so many partitions and writes numbered frames in it, ten a second of each camera: of a rig
// of two, and of cameras by themselves.
func filmTopic(t *testing.T, brokers string, partitions, cameras, frames int) {
	t.Helper()
	cfg := topicConfig(brokers)
	if err := topic.Ensure(t.Context(), cfg, topic.Spec{Name: "frames", Partitions: partitions, MaxBytes: 5 << 20}); err != nil {
		t.Fatal(err)
	}
	album := smallJPEGs(t)
	var messages []frame.Message
	for n := range frames {
		messages = append(messages, numbered(album, n%cameras, n/cameras).Message())
	}
	send(t, brokers, "frames", messages...)
}

// numbered is a camera's frame of that number. The first two cameras are a rig.
func numbered(album [][]byte, camera, seq int) *frame.Encoded {
	name := fmt.Sprintf("camera%d", camera)
	rig := name
	if camera < 2 {
		rig = "pair"
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(seq) * 100 * time.Millisecond)
	return &frame.Encoded{ContentType: "image/jpeg", Data: album[(seq+5*camera)%len(album)],
		Meta: frame.Meta{Camera: name, Rig: rig, Seq: uint64(seq), Captured: at}}
}

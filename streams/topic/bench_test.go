package topic_test

import (
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

const smallPicture = 20 << 10 // bytes

func benchmark(b *testing.B, partitions int) (*topic.Writer, *topic.Reader) {
	_, cfg := local(b)
	ensure(b, cfg, topic.Spec{Name: "frames", Partitions: partitions})
	w := writer(b, cfg, "frames")
	r, err := topic.NewReader(minute(b), cfg, "frames", nil, topic.ReaderOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Close() })
	return w, r
}

// One small picture written, acknowledged and read back.
func BenchmarkThereAndBack(b *testing.B) {
	w, r := benchmark(b, 1)
	ctx := minute(b)
	m := frame.Message{Key: []byte("cam"), Value: make([]byte, smallPicture)}
	for b.Loop() {
		if err := w.Write(ctx, m); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Fetch(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// Small pictures of four cameras, read from a log that is already full.
func BenchmarkCatchingUp(b *testing.B) {
	w, r := benchmark(b, 2)
	ctx := minute(b)
	var some []frame.Message
	for i := range 100 {
		some = append(some, frame.Message{Key: []byte{"abcd"[i%4]}, Value: make([]byte, smallPicture)})
	}
	for n := 0; n < 2000; n += len(some) {
		if err := w.Write(ctx, some...); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(smallPicture)
	b.ResetTimer()
	for i := range b.N {
		if i%2000 == 1999 {
			b.StopTimer()
			for n := 0; n < 2000; n += len(some) {
				if err := w.Write(ctx, some...); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
		if _, err := r.Fetch(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// One hundred small pictures at a time, acknowledged.
func BenchmarkWrite(b *testing.B) {
	w, _ := benchmark(b, 1)
	ctx := minute(b)
	some := make([]frame.Message, 100)
	for i := range some {
		some[i] = frame.Message{Key: []byte("cam"), Value: make([]byte, smallPicture)}
	}
	b.SetBytes(100 * smallPicture)
	for b.Loop() {
		if err := w.Write(ctx, some...); err != nil {
			b.Fatal(err)
		}
	}
}

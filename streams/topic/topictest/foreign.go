package topictest

import (
	"bytes"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/twmb/franz-go/pkg/kgo"
)

// foreign: what another client library (franz-go) writes is read, however it compresses: a picture with a key is a
// frame. Its keys lie in the partitions that ours lie in, and it reads what we write.
func (s suite) foreign(t *testing.T) {
	codecs := []struct {
		name  string
		codec kgo.CompressionCodec
	}{{"none", kgo.NoCompression()}, {"gzip", kgo.GzipCompression()}, {"snappy", kgo.SnappyCompression()}, {"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()}}
	ctx, name := s.context(t), s.topic(t, 3)
	ours := s.writer(t, name)
	picture := append([]byte("\xff\xd8\xff"), bytes.Repeat([]byte("abc"), 1000)...) // long, and worth compressing
	for _, c := range codecs {
		theirs, err := kgo.NewClient(kgo.SeedBrokers(s.cfg.Brokers...), kgo.ProducerBatchCompression(c.codec), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
		if err != nil {
			t.Fatal(err)
		}
		var some []*kgo.Record
		for range 5 {
			some = append(some, &kgo.Record{Topic: name, Key: []byte(c.name), Value: picture, Headers: []kgo.RecordHeader{{Key: "ce_rig", Value: []byte("yard")}}})
		}
		err = theirs.ProduceSync(ctx, some...).FirstErr()
		theirs.Close()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := ours.Write(ctx, frame.Message{Key: []byte(c.name), Value: picture}); err != nil {
			t.Fatal(err)
		}
	}
	home, came := map[string]int{}, map[string]int{}
	for _, m := range fetch(t, ctx, s.reader(t, name, nil), 6*len(codecs)) {
		codec := string(m.Key)
		if p, ok := home[codec]; ok && p != m.Ref.Partition {
			t.Errorf("key %s lies in partitions %d and %d", codec, p, m.Ref.Partition)
		}
		home[codec] = m.Ref.Partition
		came[codec]++
		rig := "yard"
		if came[codec] == 6 {
			rig = codec // ours says nothing of a rig
		}
		e, err := frame.Parse(m)
		if err != nil || !bytes.Equal(e.Data, picture) || e.Camera != codec || e.Rig != rig || e.ContentType != "image/jpeg" || e.Captured.IsZero() {
			t.Errorf("%s: camera %q, rig %q, %s, %d bytes, taken at %v, %v", codec, e.Camera, e.Rig, e.ContentType, len(e.Data), e.Captured, err)
		}
	}
	theirs, err := kgo.NewClient(kgo.SeedBrokers(s.cfg.Brokers...), kgo.ConsumeTopics(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	for n := 0; n < 6*len(codecs); {
		got := theirs.PollFetches(ctx)
		if err := got.Err(); err != nil {
			t.Fatalf("franz-go, after %d messages: %v", n, err)
		}
		got.EachRecord(func(r *kgo.Record) {
			if n++; !bytes.Equal(r.Value, picture) {
				t.Errorf("franz-go reads %d bytes from %d@%d", len(r.Value), r.Partition, r.Offset)
			}
		})
	}
}

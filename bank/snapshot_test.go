package bank

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/record"
)

func written(t interface{ Fatal(...any) }, b *Rolling) []byte {
	var out bytes.Buffer
	n, err := b.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatal(n, out.Len(), err)
	}
	return out.Bytes()
}

func TestSnapshotContinuesByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, dim := rapid.IntRange(1, 17).Draw(t, "size"), rapid.IntRange(1, 3).Draw(t, "dim")
		b := New(size, dim)
		sizes := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 8)
		batches(b, sizes.Draw(t, "before"))
		data := written(t, b)
		in := bytes.NewReader(append(slices.Clone(data), "more"...))
		r, err := Read(in)
		if err != nil || in.Len() != 4 {
			t.Fatalf("%v, %d bytes left instead of 4", err, in.Len())
		}
		after := sizes.Draw(t, "after")
		batches(b, after)
		batches(r, after)
		_, anchor := entry(5, dim)
		if !bytes.Equal(written(t, b), written(t, r)) || !slices.Equal(b.Masked(nil, anchor, time.Second), r.Masked(nil, anchor, time.Second)) {
			t.Fatal("the banks differ")
		}
		if b.Cap() != r.Cap() || b.Oldest() != r.Oldest() || !slices.Equal(b.Keys(), r.Keys()) {
			t.Fatal("the banks differ")
		}
	})
}

func example() *Rolling {
	b := New(6, 3)
	batches(b, []int{4, 5})
	return b
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	data := written(t, example())
	for n := range data {
		if _, err := Read(bytes.NewReader(data[:n])); err == nil {
			t.Fatalf("%d of %d bytes are accepted", n, len(data))
		}
		data[n] ^= 1 << (n % 8)
		if _, err := Read(bytes.NewReader(data)); err == nil {
			t.Fatalf("bit %d of byte %d may flip", n%8, n)
		}
		data[n] ^= 1 << (n % 8)
	}
}

// sign puts the right check sum on forged bytes.
func sign(data []byte) []byte {
	body := data[:len(data)-4]
	binary.LittleEndian.PutUint32(data[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return data
}

func TestForgedSnapshotIsRefusedOrHarmless(t *testing.T) {
	data := written(t, example())
	r := rand.New(rand.NewPCG(1, 2))
	refused, accepted := 0, 0
	for n := range 5000 {
		forged := slices.Clone(data)
		i := r.IntN(len(data) - 8)
		if n%2 == 0 {
			i = r.IntN(70) // the header
		}
		binary.LittleEndian.PutUint64(forged[i:], []uint64{0, 1, 1 << 25, 1 << 63, 1<<64 - 1, r.Uint64()}[r.IntN(6)])
		b, err := Read(bytes.NewReader(sign(forged)))
		if err != nil {
			refused++
			continue
		}
		accepted++
		if b.Dim() == 3 {
			batches(b, []int{4})
			_, anchor := entry(5, 3)
			b.Masked(nil, anchor, time.Second)
			b.Nearest([]float32{1, 2, 3}, 4)
		}
	}
	if refused == 0 || accepted == 0 {
		t.Errorf("%d forgeries refused and %d accepted: the test tries one kind alone", refused, accepted)
	}
}

func TestKeyThatIsNoNumberIsRefused(t *testing.T) {
	b := example()
	b.Keys()[4] = float32(math.NaN())
	if _, err := Read(bytes.NewReader(written(t, b))); err == nil {
		t.Error("a NaN is accepted")
	}
}

func TestHugeClaimsDoNotAllocate(t *testing.T) {
	head := record.AppendString(nil, snapshotMagic)
	for _, n := range []uint64{maxSize, maxDim, maxSize, 0} {
		head = binary.LittleEndian.AppendUint64(head, n)
	}
	var out bytes.Buffer
	w := record.NewWriter(&out)
	w.Record(head)
	out.Write(binary.LittleEndian.AppendUint32(nil, record.Longest))
	size := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := Read(bytes.NewReader(out.Bytes())); err == nil {
				b.Fatal("the claim is accepted")
			}
		}
	}).AllocedBytesPerOp()
	if size > 1<<20 {
		t.Errorf("%d bytes are allocated for %d", size, out.Len())
	}
}
